"""Write off, and the mail once more."""

from datetime import timedelta

import pytest
from django.core import mail

from accounts.models import AuditEntry, BillingProfile, Notice
from accounts.services.deliver_notices import deliver_notices
from accounts.tests.cards import add_card
from invoices.attaching import find_files
from invoices.exceptions import NotSendableError, NotWrittenOffError, PaymentPendingError
from invoices.services.collect_payment import collect_payment
from invoices.services.send_again import send_again
from invoices.services.write_off_invoice import write_off_invoice
from invoices.tests.cast import calculated, open_invoice, paid_with
from invoices.tests.shelf import rendered
from invoices.tests.test_races import at_once

pytestmark = pytest.mark.usefixtures("books_hold")


def write_off(invoice, at, actor=None):
    return write_off_invoice(invoice_id=invoice.pk, at=at, actor=actor, reason="Insolvent")


def test_it_is_collected_no_more_but_can_be_paid(seller, customer, alice, clerk, at):
    add_card(customer, alice, at)
    invoice = write_off(open_invoice(customer, 4900, at=at), at, clerk)
    assert (invoice.status, invoice.collect_at, invoice.amount_due) == ("uncollectible", None, 4900)
    entry = AuditEntry.objects.get(action="write_off_invoice")
    assert (entry.actor, entry.reason, entry.after["amount_due"]) == (clerk, "Insolvent", 4900)
    paid_with(collect_payment(invoice_id=invoice.pk, at=at, automatic=False).pk, at)
    invoice.refresh_from_db()
    assert invoice.status == "paid"


def test_it_is_written_off_once(seller, customer, at):
    invoice = open_invoice(customer, 4900)
    write_off(invoice, at)
    write_off(invoice, at)
    assert AuditEntry.objects.filter(action="write_off_invoice").count() == 1


def test_only_an_open_invoice_is_written_off(seller, customer, at):
    for document in (calculated(customer, 100, key="draft"), open_invoice(customer, -100)):
        with pytest.raises(NotWrittenOffError):
            write_off(document, at)


def test_it_waits_for_a_payment_without_an_outcome(seller, customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900, at=at)
    collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
    with pytest.raises(PaymentPendingError):
        write_off(invoice, at)


@pytest.mark.django_db(transaction=True)
def test_two_people_write_it_off_once(seller, customer, at):
    invoice = open_invoice(customer, 4900)
    results = at_once(lambda: write_off(invoice, at), lambda: write_off(invoice, at))
    assert [result.status for result in results] == ["uncollectible"] * 2
    assert AuditEntry.objects.filter(action="write_off_invoice").count() == 1


# --- «Send again» -----------------------------------------------------------------------------------------------------
def test_it_sends_the_invoice_again_once_a_minute(seller, customer, supporter, at):
    invoice = open_invoice(customer, 4900)
    first = send_again(invoice_id=invoice.pk, also="books@wonder.example", at=at, actor=supporter)
    assert first.key == f"invoice:{invoice.pk}:issued:again:2026-10-20T10:00"
    assert (first.template, first.to) == ("invoice_issued", ["alice@example.com", "books@wonder.example"])
    assert send_again(invoice_id=invoice.pk, at=at + timedelta(seconds=59)) == first
    assert send_again(invoice_id=invoice.pk, at=at + timedelta(seconds=60)) != first
    assert AuditEntry.objects.filter(action="send_again").count() == 2


@pytest.mark.parametrize(("chosen", "files"), [({}, 1), ({"attach_pdf": False}, 0)])
def test_what_is_sent_again_brings_what_the_customer_has_chosen_by_now(chosen, files, seller, customer, at):
    invoice = open_invoice(customer, 4900)
    rendered([invoice])
    BillingProfile.objects.filter(customer=customer).update(**chosen)
    Notice.objects.all().delete()
    send_again(invoice_id=invoice.pk, at=at)
    deliver_notices(at=at, find_files=find_files)
    assert [len(message.attachments) for message in mail.outbox] == [files]


def test_it_sends_receipts_and_credit_notes_again(seller, customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900, at=at)
    payment = paid_with(collect_payment(invoice_id=invoice.pk, at=at, automatic=True).pk, at)
    assert send_again(invoice_id=invoice.pk, payment_id=payment.pk, at=at).template == "payment_receipt"
    note = open_invoice(customer, -100, at=at)
    assert send_again(invoice_id=note.pk, at=at).template == "invoice_credited"


def test_it_has_nothing_to_send_of_a_draft_or_to_nobody(seller, customer, alice, at):
    draft = calculated(customer)
    with pytest.raises(NotSendableError):
        send_again(invoice_id=draft.pk, at=at)
    customer.memberships.all().delete()
    BillingProfile.objects.filter(customer=customer).update(recipients=[])
    invoice = open_invoice(customer, 100)
    with pytest.raises(NotSendableError, match="recipients"):
        send_again(invoice_id=invoice.pk, at=at)
    with pytest.raises(NotSendableError):
        send_again(invoice_id=invoice.pk, payment_id=0, at=at)
    assert not Notice.objects.filter(key__contains=":again:").exists()


@pytest.mark.django_db(transaction=True)
def test_two_clicks_send_one_message(seller, customer, at):
    invoice = open_invoice(customer, 4900)
    results = at_once(*[lambda: send_again(invoice_id=invoice.pk, at=at)] * 2)
    assert results[0] == results[1]
    assert AuditEntry.objects.filter(action="send_again").count() == 1
