"""«E-mail a copy»: the document and its receipts to whoever asks, and to nobody else."""

from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse

from accounts.models import AuditEntry, BillingProfile, Notice
from accounts.services.deliver_notices import deliver_notices
from accounts.tests.cards import add_card
from core.clock import travel_to
from invoices.attaching import find_files
from invoices.exceptions import NotSendableError
from invoices.pdf import available
from invoices.services.collect_payment import collect_payment
from invoices.services.deliver_documents import deliver_documents
from invoices.services.send_copy import send_copy
from invoices.tests.cast import calculated, open_invoice, paid_with
from invoices.tests.test_races import at_once

pytestmark = pytest.mark.usefixtures("books_hold")
needs_pdf = pytest.mark.skipif(bool(available()), reason=available() or "-")


@pytest.fixture
def invoice(seller, customer, at):
    BillingProfile.objects.filter(customer=customer).update(recipients=["ap@wonder.example"])
    return open_invoice(customer, 4900, at=at)


def copies():
    return Notice.objects.filter(key__contains=":copy:")


def press(client, invoice, at, **headers):
    with travel_to(at):
        return client.post(reverse("invoice_copy", args=[invoice.public_id]), headers=headers)


def test_it_goes_to_who_asks_alone_and_once_a_minute(invoice, bob, at):
    first = send_copy(invoice_id=invoice.pk, at=at, actor=bob)
    assert (first.template, first.to) == ("invoice_issued", ["bob@example.com"])
    assert first.context["number"] == invoice.number
    assert send_copy(invoice_id=invoice.pk, at=at + timedelta(seconds=59), actor=bob) == first
    assert send_copy(invoice_id=invoice.pk, at=at + timedelta(seconds=60), actor=bob) != first
    entry = AuditEntry.objects.filter(action="send_copy").first()
    assert (entry.actor, entry.customer, entry.after["to"]) == (bob, invoice.customer, ["bob@example.com"])
    assert AuditEntry.objects.filter(action="send_copy").count() == 2


def test_two_people_get_one_each(invoice, alice, bob, at):
    for user in (alice, bob):
        send_copy(invoice_id=invoice.pk, at=at, actor=user)
    assert sorted(to for notice in copies() for to in notice.to) == ["alice@example.com", "bob@example.com"]


def test_it_has_no_draft_to_send(seller, customer, alice, at):
    with pytest.raises(NotSendableError):
        send_copy(invoice_id=calculated(customer).pk, at=at, actor=alice)
    assert not copies().exists()


@pytest.mark.django_db(transaction=True)
def test_two_clicks_send_one_copy(invoice, bob, at):
    one, other = at_once(*[lambda: send_copy(invoice_id=invoice.pk, at=at, actor=bob)] * 2)
    assert one == other
    assert AuditEntry.objects.filter(action="send_copy").count() == 1


@needs_pdf
def test_it_brings_the_invoice_and_every_receipt(invoice, customer, alice, bob, at):
    add_card(customer, alice, at)
    payment = paid_with(collect_payment(invoice_id=invoice.pk, at=at, automatic=False).pk, at)
    deliver_documents(at=at)
    deliver_notices(at=at, find_files=find_files)
    mail.outbox.clear()
    send_copy(invoice_id=invoice.pk, at=at, actor=bob)
    deliver_notices(at=at, find_files=find_files)
    [message] = mail.outbox
    assert message.to == ["bob@example.com"]
    assert [name for name, _content, _kind in message.attachments] == [
        f"{invoice.number}.pdf",
        f"{payment.receipt_number}.pdf",
    ]
    assert "There is nothing to pay." in message.body


@needs_pdf
def test_it_brings_the_pdf_whatever_was_chosen_and_the_data_where_they_were(seller, customer, bob, at):
    profiles = BillingProfile.objects.filter(customer=customer)
    profiles.update(country="FR")  # without one there are no valid data
    invoice = open_invoice(customer, 4900, at=at)
    deliver_documents(at=at)
    for minute, xml in enumerate((False, True)):
        profiles.update(attach_pdf=False, attach_xml=xml)
        send_copy(invoice_id=invoice.pk, at=at + timedelta(minutes=minute), actor=bob)
        deliver_notices(at=at + timedelta(minutes=minute), find_files=find_files)
        files = [name for name, _content, _kind in mail.outbox[-1].attachments]
        assert files == [f"{invoice.number}.pdf", f"{invoice.number}.xml"][: 1 + xml]


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_viewer_may_ask_for_it_and_reads_where_it_goes(invoice, bob, log_in, at, headers):
    client = log_in(bob)
    page = reverse("invoice", args=[invoice.public_id])
    assert f'action="{page}copy/"' in client.get(page).text
    response = press(client, invoice, at, **headers)
    assert (response.status_code, response["Location"]) == (303, page)
    assert "A copy is on its way to bob@example.com." in client.get(page).text
    assert copies().get().to == ["bob@example.com"]


def test_a_draft_offers_none_and_refuses_it(seller, customer, alice, log_in, at):
    client, draft = log_in(alice), calculated(customer)
    assert "E-mail a copy" not in client.get(reverse("invoice", args=[draft.public_id])).text
    refused = press(client, draft, at)
    assert (refused.status_code, "It is not issued yet." in refused.text) == (409, True)
    assert not copies().exists()


def test_it_asks_at_most_20_questions(invoice, bob, log_in, at, django_assert_max_num_queries):
    client = log_in(bob)
    with django_assert_max_num_queries(20):
        press(client, invoice, at)
