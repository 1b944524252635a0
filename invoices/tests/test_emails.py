"""The messages as people read them: first line the subject, figures as on page and PDF."""

from datetime import timedelta

import pytest
from django.core import mail

from accounts.models import Customer, PaymentPolicy
from accounts.services.deliver_notices import deliver_notices
from accounts.tests.cards import DECLINES, add_card
from core.periods import midnight
from invoices.giving_back import Wanted
from invoices.services.ask_for_cards import ask_for_cards
from invoices.services.collect_payment import collect_payment
from invoices.services.discard_drafts import discard_drafts
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import BILLING_ON, calculated, draft, open_invoice, paid_with


def sent(at, about):
    deliver_notices(at=at)
    [message] = [message for message in mail.outbox if about in message.subject]
    return message


def keep(customer, amount, at):
    """A credit note that is kept for the next invoice."""
    before = open_invoice(customer, 9000, at=at, key="before")
    paid_with(collect_payment(invoice_id=before.pk, at=at, automatic=False).pk, at)
    wanted = Wanted(amount=amount, goes_to="kept")
    issue_credit_note(invoice_id=before.pk, at=at, reason="Outage", wanted=wanted, key="note")


@pytest.fixture
def card(customer, alice, at):
    return add_card(customer, alice, at)


def test_the_announcement_says_amount_date_and_card(seller, customer, card, alice, at):
    invoice = calculated(customer, 4900, 235)
    message = sent(at, "will be charged")
    assert message.subject == "$51.35 will be charged on 20 Oct 2026"
    assert message.to == [alice.email]
    for words in ("Plus monthly fee: $49.00", "Total: $51.35", f"We charge {card} on 20 Oct 2026", invoice.public_id):
        assert words in message.body


@pytest.mark.parametrize(
    ("kept", "subject", "said"),
    [
        (1200, "$37.00 will be charged on 20 Oct 2026", "From credit notes kept for you: −$12.00\nDue: $37.00"),
        (6000, "Nothing will be charged on 20 Oct 2026", "What is kept for you pays all of it."),
    ],
)
def test_the_announcement_says_what_kept_credit_takes_off(seller, customer, card, at, kept, subject, said):
    keep(customer, kept, at)
    draft = calculated(customer, 4900)
    message = sent(at, subject)
    assert "Total: $49.00" in message.body
    assert said in message.body
    [issued] = finalize_invoices(invoice_ids=[draft.pk], at=midnight(BILLING_ON))
    assert issued.amount_due == max(4900 - kept, 0)


def test_without_a_card_the_announcement_asks_for_one(seller, customer, at):
    calculated(customer, 4900)
    message = sent(at, "will be invoiced")
    assert "There is no payment method yet. Add one before 20 Oct 2026" in message.body


def test_a_withdrawn_announcement_is_taken_back(seller, customer, at):
    calculated(customer, 4900)
    discard_drafts(customer_ids=[customer.pk], at=at)
    assert sent(at, "won't be charged").subject == "$49.00 won't be charged on 20 Oct 2026"


@pytest.mark.parametrize(("kept", "subjects"), [(1200, ["$37.00 won't be charged on 20 Oct 2026"]), (6000, [])])
def test_what_was_announced_is_what_is_taken_back(seller, customer, card, at, kept, subjects):
    keep(customer, kept, at)
    calculated(customer, 4900)
    discard_drafts(customer_ids=[customer.pk], at=at)
    deliver_notices(at=at)
    assert [message.subject for message in mail.outbox if "won't be" in message.subject] == subjects


def test_an_announced_credit_is_taken_back_as_one(seller, customer, at):
    calculated(customer, -4900)
    discard_drafts(customer_ids=[customer.pk], at=at)
    message = sent(at, "won't be")
    assert message.subject == "$49.00 won't be credited on 20 Oct 2026"
    assert "The $49.00 that we announced for 20 Oct 2026 won't be credited" in message.body


@pytest.mark.parametrize(("kept", "said"), [(1200, ["$37.00 of Meridian"]), (4900, [])])
def test_a_card_is_asked_for_where_something_is_due(seller, customer, alice, at, kept, said):
    card = add_card(customer, alice, at)
    keep(customer, kept, at)
    type(card).objects.update(is_default=False, deleted_at=at)
    Customer.objects.update(payment_policy=PaymentPolicy.REQUIRED)
    calculated(customer, 4900)
    ask_for_cards(at=midnight(BILLING_ON) - timedelta(days=3))
    deliver_notices(at=at)
    asked = [message for message in mail.outbox if "Add a payment method" in message.subject]
    assert [part in message.body for part, message in zip(said, asked, strict=True)] == [True] * len(said)


def test_the_invoice_says_when_it_is_charged(seller, customer, card, at):
    open_invoice(customer, 4900)
    message = sent(at, "Invoice")
    assert message.subject == "Invoice INV-2026-000001: $49.00"
    assert f"We charge {card} now" in message.body


def test_an_invoice_issued_late_says_that_it_is_charged_a_day_later(seller, customer, card, at):
    late = midnight(BILLING_ON) + timedelta(days=5)
    [invoice] = draft_invoices(drafts=[draft(customer, 4900)], at=late)
    finalize_invoices(invoice_ids=[invoice.pk], at=late)
    assert f"We charge {card} on 26 Oct 2026, 00:00 UTC, not earlier" in sent(at, "Invoice").body


def test_an_invoice_without_a_card_says_until_when_to_pay(seller, customer, at):
    open_invoice(customer, 4900)
    assert "Please pay by 3 Nov 2026." in sent(at, "Invoice").body


def test_the_receipt_says_what_was_paid(seller, customer, card, at):
    invoice = open_invoice(customer, 4900)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
    submit_payment(payment_id=payment.pk, at=at)
    message = sent(at, "Receipt")
    assert message.subject == "Receipt: $49.00 paid"
    assert f"$49.00 was paid with {card} on 20 Oct 2026 for invoice INV-2026-000001." in message.body
    assert "RCP-2026-000001" in message.body


def test_a_failed_payment_says_why_and_what_to_do(seller, customer, alice, at):
    card = add_card(customer, alice, at, DECLINES)
    invoice = open_invoice(customer, 4900)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
    submit_payment(payment_id=payment.pk, at=at)
    message = sent(at, "failed")
    assert message.subject == "Payment of $49.00 failed – next try 23 Oct 2026"
    for words in (f"couldn't charge $49.00 to {card}", "The bank declined the card.", invoice.public_id):
        assert words in message.body
