"""Money that came without the portal: recorded once, with a receipt, and never more than is due."""

from copy import copy
from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

from accounts.figures import written
from accounts.models import AuditEntry, Notice
from accounts.services.deliver_notices import deliver_notices
from accounts.tests.cards import add_card
from invoices import books
from invoices.exceptions import NotPayableError, OverpaidError, PaymentPendingError, ReceivedLaterError
from invoices.models import OutsideMethod, Payment, Refund
from invoices.paper import receipt_paper
from invoices.services.collect_payment import collect_payment
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.record_outside_payment import record_outside_payment
from invoices.services.submit_payment import submit_payment
from invoices.services.void_invoice import void_invoice
from invoices.services.write_off_invoice import write_off_invoice
from invoices.tests.cast import calculated, charges, open_invoice, paid_with
from invoices.tests.test_races import at_once

pytestmark = pytest.mark.usefixtures("books_hold")


def record_it(invoice, at, amount=None, key="k1", **values):
    return record_outside_payment(
        **{
            "invoice_id": invoice.pk,
            "key": key,
            "amount": invoice.amount_due if amount is None else amount,
            "received_on": at.date(),
            "method": OutsideMethod.BANK_TRANSFER,
            "reference": "2026-10-A7",
            "at": at,
            "actor": None,
            "reason": "On the statement of 20 Oct",
            **values,
        }
    )


def test_it_pays_the_invoice_with_a_receipt_and_tells_the_customer(seller, customer, clerk, at):
    invoice = open_invoice(customer, 4900)
    payment = record_it(invoice, at, received_on=at.date() - timedelta(days=2), actor=clerk)

    invoice.refresh_from_db()
    assert (invoice.status, invoice.amount_paid, invoice.collect_at) == ("paid", 4900, None)
    assert (payment.status, payment.gateway, payment.payment_method) == ("succeeded", "outside", None)
    assert payment.receipt_number == "RCP-2026-000001"
    assert (
        written(Notice.objects.get(template="payment_receipt").context)["how"]
        == "by bank transfer, reference 2026-10-A7"
    )
    paper = receipt_paper(payment)
    assert (paper.method, paper.reference_label, paper.reference) == ("Bank transfer", "Reference", "2026-10-A7")
    assert (paper.paid_on, paper.amount_left) == ("18 Oct 2026", "$0.00")
    entry = AuditEntry.objects.get(action="record_outside_payment")
    assert (entry.actor, entry.reason) == (clerk, "On the statement of 20 Oct")
    assert (entry.before["amount_due"], entry.after["amount_due"], entry.after["receipt"]) == (
        4900, 0, "RCP-2026-000001"
    )  # fmt: skip


def test_the_receipt_says_how_it_was_paid(seller, customer, at):
    record_it(open_invoice(customer, 4900), at)
    deliver_notices(at=at)
    [receipt] = [message.body for message in mail.outbox if message.subject.startswith("Receipt")]
    assert "$49.00 was paid by bank transfer, reference 2026-10-A7, on 20 Oct 2026 for invoice" in receipt


def test_the_database_wants_to_know_how(seller, customer, at):
    payment = record_it(open_invoice(customer, 4900), at)
    for values in ({"method": ""}, {"method": "barter"}, {"received_on": None}, {"gateway": "sandbox"}):
        another = copy(payment)
        changes = {"pk": None, "public_id": "pay_x", "key": "x", "receipt_number": "X", **values}
        for name, value in changes.items():
            setattr(another, name, value)
        with pytest.raises(IntegrityError), transaction.atomic():
            another.save(force_insert=True)


def test_it_gives_the_first_payment_to_the_same_key(seller, customer, at):
    invoice = open_invoice(customer, 4900)
    first = record_it(invoice, at, 1000)
    assert record_it(invoice, at + timedelta(minutes=1), 2000) == first
    invoice.refresh_from_db()
    assert invoice.amount_due == 3900
    assert AuditEntry.objects.filter(action="record_outside_payment").count() == 1


def test_it_leaves_the_rest_to_be_collected_as_before(seller, customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900, at=at)
    record_it(invoice, at, 900)

    invoice.refresh_from_db()
    assert (invoice.status, invoice.collect_at) == ("open", at)
    submit_payment(payment_id=collect_payment(invoice_id=invoice.pk, at=at, automatic=True).pk, at=at)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.amount_paid) == ("paid", 4900)
    assert charges() == [(f"invoice:{invoice.pk}:payment:2", "succeeded")]
    assert list(Payment.objects.order_by("pk").values_list("amount", flat=True)) == [900, 4000]


def test_two_instalments_of_the_same_amount_are_two_payments(seller, customer, at):
    invoice = open_invoice(customer, 4000)
    for key in "ab":
        record_it(invoice, at, 2000, key)
    invoice.refresh_from_db()
    assert invoice.status == "paid"


def test_the_customer_can_pay_the_rest(seller, customer, alice, log_in, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900, at=at)
    record_it(invoice, at, 900)
    client = log_in(alice)
    page = client.get(f"/settings/billing/invoices/{invoice.public_id}/").text
    assert "$9.00 paid by bank transfer, reference 2026-10-A7" in page
    client.post(f"/settings/billing/invoices/{invoice.public_id}/pay/", {"attempt": "2", "amount": "4000"})
    assert Payment.objects.order_by("pk").last().amount == 4000


def test_it_refuses_more_than_is_due(seller, customer, at):
    invoice = open_invoice(customer, 4900)
    for amount in (4901, 0, -1):
        with pytest.raises(OverpaidError):
            record_it(invoice, at, amount)


def test_it_refuses_money_that_is_still_to_come(seller, customer, at):
    with pytest.raises(ReceivedLaterError):
        record_it(open_invoice(customer, 4900), at, received_on=at.date() + timedelta(days=1))


def test_it_waits_for_a_payment_without_an_outcome(seller, customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900, at=at)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
    with pytest.raises(PaymentPendingError):
        record_it(invoice, at)
    paid_with(payment.pk, at)
    with pytest.raises(NotPayableError):
        record_it(invoice, at, 1)


def test_it_is_for_invoices_that_are_open_or_written_off(seller, customer, at):
    void = open_invoice(customer, 100)
    void_invoice(invoice_id=void.pk, at=at, reason="Test")
    for document in (calculated(customer, 100, key="draft"), void, open_invoice(customer, -100)):
        with pytest.raises(NotPayableError):
            record_it(document, at, 1)
    given_up = open_invoice(customer, 300)
    given_up.refresh_from_db()
    write_off_invoice(invoice_id=given_up.pk, at=at, reason="Insolvent")
    record_it(given_up, at)
    given_up.refresh_from_db()
    assert given_up.status == "paid"


def test_a_credit_note_gives_nothing_back_to_a_bank_transfer(seller, customer, at):
    invoice = open_invoice(customer, 4900)
    record_it(invoice, at)
    note = issue_credit_note(invoice_id=invoice.pk, at=at, reason="Not wanted")
    note.refresh_from_db()
    assert not Refund.objects.exists()
    assert (note.status, note.amount_due) == ("open", 4900)


@pytest.mark.django_db(transaction=True)
def test_two_people_record_the_same_money_once(seller, customer, at):
    invoice = open_invoice(customer, 4900)
    results = at_once(lambda: record_it(invoice, at), lambda: record_it(invoice, at))
    assert results[0] == results[1]
    assert Payment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_payments_at_once_only_one_fits(seller, customer, at):
    invoice = open_invoice(customer, 4900)
    results = at_once(lambda: record_it(invoice, at, key="a"), lambda: record_it(invoice, at, key="b"))
    assert sorted(type(result).__name__ for result in results) == ["NotPayableError", "Payment"]
    assert list(books.check()) == []
