"""A plan that charges in advance: its first payment comes before the plan does."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from accounts.gateways.base import Outcome
from accounts.models import AuditEntry, Notice
from invoices.models import Invoice, InvoiceStatus
from invoices.services.record_payment import record_payment
from plans import books
from plans.exceptions import NothingDueError, PaidFirstError, QuoteStaleError, StartMovedError, StartPendingError
from plans.models import QuoteKind, ScheduleStatus
from plans.selectors import current_subscription, starts_to_settle
from plans.services.bill_start import bill_start
from plans.services.calculate_charges import calculate_charges
from plans.services.make_quote import make_quote
from plans.services.open_contract import open_contract
from plans.services.schedule_change import schedule_change
from plans.services.settle_start import settle_start
from plans.services.subscribe import subscribe
from plans.tests.conftest import add_card, new_plan

LATER = timedelta(minutes=2)
DETAILS = {
    "legal_name": "Wonder Ltd",
    "line1": "1 Rabbit Hole",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
    "recipients": "ap@example.com",
}


@pytest.fixture
def early(catalogue, at):
    """99.00 a month in advance."""
    return new_plan("early", timing="in_advance", at=at)


@pytest.fixture
def quote(free, customer, early, at):
    add_card(customer, at)
    return make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=early, at=at, actor=None)


def answered(quote, at, status) -> Any:
    payment = bill_start(quote=quote, at=at, actor=None)
    record_payment(
        payment_id=payment.pk, outcome=Outcome(status, "card_declined" if status == "declined" else ""), at=at
    )
    return settle_start(quote=quote, at=at, actor=None)


def plan_of(customer):
    spell = current_subscription(customer.pk)
    assert spell is not None
    return spell.plan.key


def test_the_quote_shows_what_is_due_today(quote):
    assert [(row["title"], row["amount"]) for row in quote.lines] == [("Early monthly fee", 9_900)]
    assert quote.total == 9_900


def test_it_begins_once_it_is_paid(quote, customer, early, at):
    done = answered(quote, at + LATER, "succeeded")

    assert (done.opened.plan, done.opened.starts_at, done.opened.pk) == (early, at + LATER, quote.opens_id)
    assert (done.invoice.status, done.invoice.total, done.invoice.key) == (
        InvoiceStatus.PAID,
        9_900,
        f"subscription:{done.opened.pk}:start",
    )
    assert (done.invoice.period_start, done.invoice.period_end) == (date(2026, 10, 20), date(2026, 11, 20))
    assert Notice.objects.get(template="plan_subscribed").context["total"] == "$99.00"
    assert list(books.check()) == []


def test_what_staff_had_scheduled_is_superseded(quote, customer, catalogue, at):
    change = schedule_change(
        customer_id=customer.pk, plan=catalogue.plus, when="period_end", at=at, actor=None, reason="Agreed by phone"
    )

    answered(quote, at + LATER, "succeeded")

    change.refresh_from_db()
    assert change.status == ScheduleStatus.SUPERSEDED


def test_the_next_invoice_charges_the_next_month_in_advance(quote, at):
    opened = answered(quote, at + LATER, "succeeded").opened

    [invoice] = calculate_charges(subscription_ids=[opened.pk], at=datetime(2026, 11, 17, 1, tzinfo=UTC))

    [line] = invoice.lines.all()
    assert (line.starts_at.date(), line.ends_at.date(), line.amount) == (date(2026, 11, 20), date(2026, 12, 20), 9_900)


def test_it_does_not_begin_when_the_card_is_declined(quote, customer, at):
    done = answered(quote, at + LATER, "declined")

    assert (plan_of(customer), done.completed_at, done.invoice.status) == ("free", None, InvoiceStatus.VOID)
    assert starts_to_settle() == []


def test_a_new_quote_works_after_a_decline(quote, customer, early, at):
    answered(quote, at + LATER, "declined")
    again = make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=early, at=at + 2 * LATER, actor=None)

    assert answered(again, at + 3 * LATER, "succeeded").opened.plan == early


def test_it_waits_while_nobody_knows(quote, customer, at):
    payment = bill_start(quote=quote, at=at + LATER, actor=None)

    waiting = settle_start(quote=quote, at=at + LATER, actor=None)
    assert (waiting.completed_at, plan_of(customer), starts_to_settle()) == (None, "free", [quote])

    record_payment(payment_id=payment.pk, outcome=Outcome("succeeded"), at=at + timedelta(hours=1))
    done = settle_start(quote=quote, at=at + timedelta(hours=1), actor=None)
    assert done.opened is not None
    assert done.opened.starts_at == at + LATER


def test_it_bills_and_begins_once(quote, at):
    first = bill_start(quote=quote, at=at + LATER, actor=None)
    again = bill_start(quote=quote, at=at + LATER, actor=None)
    assert (first, Invoice.objects.count()) == (again, 1)

    one, two = answered(quote, at + LATER, "succeeded"), answered(quote, at + LATER, "succeeded")
    assert one.opened == two.opened
    assert AuditEntry.objects.filter(action="subscribe").count() == 1


def test_it_never_begins_unpaid(quote, customer, at):
    with pytest.raises(PaidFirstError):
        subscribe(quote=quote, at=at + LATER, actor=None)

    assert plan_of(customer) == "free"


def test_it_refuses_an_expired_quote_and_one_without_anything_due(quote, customer, catalogue, at):
    with pytest.raises(QuoteStaleError):
        bill_start(quote=quote, at=at + timedelta(hours=1), actor=None)
    plus = make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=catalogue.plus, at=at, actor=None)
    with pytest.raises(NothingDueError):
        bill_start(quote=plus, at=at, actor=None)
    assert not Invoice.objects.exists()


def test_no_second_payment_is_made_while_the_first_has_no_outcome(quote, customer, catalogue, early, at):
    bill_start(quote=quote, at=at + LATER, actor=None)

    for plan in (early, catalogue.plus):
        with pytest.raises(StartPendingError):
            make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=plan, at=at + LATER, actor=None)


def test_staff_decides_where_another_plan_has_begun_meanwhile(quote, customer, catalogue, at):
    payment = bill_start(quote=quote, at=at + LATER, actor=None)
    open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=at + 2 * LATER, actor=None)
    record_payment(payment_id=payment.pk, outcome=Outcome("succeeded"), at=at + 3 * LATER)

    with pytest.raises(StartMovedError):
        settle_start(quote=quote, at=at + 3 * LATER, actor=None)
    assert plan_of(customer) == "enterprise"
