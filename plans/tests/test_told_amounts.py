"""The amounts that messages and pages name where credit notes are kept, or where the closing document is one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.urls import reverse

from accounts.gateways.base import Outcome
from accounts.models import Notice
from accounts.services.deliver_notices import deliver_notices
from core.clock import travel_to
from invoices.services.record_payment import record_payment
from invoices.tests.cast import line, open_invoice
from plans.models import QuoteKind
from plans.pages import ended_text
from plans.services.bill_start import bill_start
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.services.make_quote import make_quote
from plans.services.settle_start import settle_start
from plans.tests.conftest import add_card, cancel_quote, new_plan, tokens_card

CALCULATED = datetime(2026, 11, 17, 2, tzinfo=UTC)
IN_THE_LAST_DAYS = datetime(2026, 11, 18, tzinfo=UTC)


def received(template, at) -> Any:
    """The one message made from a template."""
    Notice.objects.exclude(template=template).delete()
    mail.outbox.clear()
    deliver_notices(at=at)
    [message] = mail.outbox
    return message


def kept(customer, amount, at):
    """A credit note that no open invoice and no card can take."""
    open_invoice(customer, lines=(line(-amount),), at=at)


def begun(customer, at):
    """On a plan that costs 99.00 a month in advance."""
    add_card(customer, at)
    plan = new_plan("early", timing="in_advance", at=at)
    quote = make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=plan, at=at, actor=None)
    payment = bill_start(quote=quote, at=at, actor=None)
    if payment is not None:
        record_payment(payment_id=payment.pk, outcome=Outcome("succeeded"), at=at)
    return settle_start(quote=quote, at=at, actor=None)


@pytest.mark.parametrize(
    ("credit", "subject", "said"),
    [
        (4_000, "You're on Meridian Early", "$59.00 was due at once, on invoice"),
        (10_000, "You're on Meridian Early — nothing due today", "Nothing is due today."),
    ],
)
def test_a_subscriber_hears_what_was_due_after_a_kept_credit(free, seller, customer, at, credit, subject, said):
    kept(customer, credit, at)
    begun(customer, at)
    message = received("plan_subscribed", at)
    assert message.subject == subject
    assert said in message.body
    assert "$99.00 was due" not in message.body


def test_who_leaves_a_plan_paid_in_advance_hears_where_the_money_goes(free, seller, customer, at):
    begun(customer, at)
    later = at + timedelta(days=10)
    done = cancel_subscription(quote=cancel_quote(customer, later), at=later, actor=None)
    assert done.invoice is not None
    assert done.invoice.is_credit_note
    said = "You get $67.06 back: it pays your open invoices first, then it goes back to the card that paid"
    message = received("plan_downgraded", later)
    assert said in message.body
    assert f"The credit note is {done.invoice.number}: http" in message.body
    assert said in ended_text(done)
    assert "View credit note" in ended_text(done)
    assert "−" not in message.body + ended_text(done)


@pytest.mark.parametrize(("page", "args"), [("plan_cancel", []), ("plan_upgrade", ["pro"])])
@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (500, "The $44.00 announced for 20 Nov 2026 will not be charged: this invoice takes its place."),
        (9_000, ""),
    ],
)
def test_a_page_withdraws_what_was_announced(plus, customer, alice, log_in, at, page, args, amount, said):
    new_plan("pro", cards=[tokens_card("0.001")], at=at)
    kept(customer, amount, at)
    calculate_charges(subscription_ids=[plus.pk], at=CALCULATED)
    with travel_to(IN_THE_LAST_DAYS):
        shown = " ".join(log_in(alice).get(reverse(page, args=args)).text.split())
    assert said in shown
    assert ("announced for" in shown) is bool(said)


def test_a_page_withdraws_a_credit_that_was_announced(free, seller, customer, alice, log_in, at):
    done = begun(customer, at)
    [draft] = calculate_charges(subscription_ids=[done.opened.pk], at=CALCULATED)
    type(draft).objects.filter(pk=draft.pk).update(total=-2_000, subtotal=-2_000, kind="credit_note")
    with travel_to(IN_THE_LAST_DAYS):
        shown = log_in(alice).get(reverse("plan_cancel")).text
    assert "The $20.00 announced for 20 Nov 2026 will not be credited" in shown
