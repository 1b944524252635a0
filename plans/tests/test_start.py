"""A plan that charges in advance: its first payment comes before the plan does."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from accounts.figures import written
from accounts.gateways.base import Outcome
from accounts.models import AuditEntry, Notice
from accounts.tests.cards import DECLINES, MASTERCARD
from accounts.tests.cards import add_card as add_card_of
from core.tests.recorded import Recorded
from invoices import books as invoice_books
from invoices.giving_back import Wanted
from invoices.models import Invoice, InvoiceStatus, Payment, Refund
from invoices.resolving import look_at_payment
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.record_payment import record_payment
from invoices.services.settle_credit_notes import settle_credit_notes
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import line, open_invoice
from invoices.tests.late import succeeds_after_all
from plans import books
from plans.exceptions import NothingDueError, PaidFirstError, QuoteStaleError, StartPendingError
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


_early = cache(lambda at: Recorded(lambda: new_plan("early", timing="in_advance", at=at)))
_quote = cache(lambda at: Recorded(lambda customer, early: quoted(customer, early, at)))


@pytest.fixture
def early(catalogue, at):
    """99.00 a month in advance."""
    return _early(at).again()


def quoted(customer, plan, at):
    add_card(customer, at)
    return make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=plan, at=at, actor=None)


@pytest.fixture
def quote(free, customer, early, at):
    return _quote(at).again(customer, early)


def answered(quote, at, status) -> Any:
    payment = bill_start(quote=quote, at=at, actor=None)
    assert payment is not None
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
    assert written(Notice.objects.get(template="plan_subscribed").context)["total"] == "$99.00"
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


def started(quote, at) -> Any:
    payment = bill_start(quote=quote, at=at, actor=None)
    assert payment is not None
    return payment


def test_a_late_success_goes_back_to_the_card_where_another_plan_has_begun(quote, customer, catalogue, at):
    payment = started(quote, at + LATER)
    open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=at + 2 * LATER, actor=None)
    record_payment(payment_id=payment.pk, outcome=Outcome("succeeded"), at=at + 3 * LATER)

    done = settle_start(quote=quote, at=at + 3 * LATER, actor=None)

    assert (plan_of(customer), done.opened, done.given_up_at) == ("enterprise", None, at + 3 * LATER)
    note = Invoice.objects.credit_notes().get()
    assert (note.total, note.corrects) == (-9_900, [done.invoice.number])
    assert [(refund.payment, refund.amount) for refund in Refund.objects.all()] == [(payment, 9_900)]
    assert starts_to_settle() == []
    assert Notice.objects.filter(template__in=["invoice_issued", "invoice_credited"]).count() == 2
    assert [*books.check(), *invoice_books.check()] == []


def test_it_is_given_back_once(quote, customer, catalogue, at):
    payment = started(quote, at + LATER)
    open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=at + 2 * LATER, actor=None)
    record_payment(payment_id=payment.pk, outcome=Outcome("succeeded"), at=at + 3 * LATER)

    for _ in range(2):
        settle_start(quote=quote, at=at + 3 * LATER, actor=None)

    assert (Invoice.objects.credit_notes().count(), Refund.objects.count()) == (1, 1)


def test_a_late_success_pays_what_the_other_plan_is_owed_first(quote, customer, catalogue, at):
    payment = started(quote, at + LATER)
    open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=at + 2 * LATER, actor=None)
    owed = open_invoice(customer, 4_000, collection="send_invoice", at=at + 2 * LATER)
    record_payment(payment_id=payment.pk, outcome=Outcome("succeeded"), at=at + 3 * LATER)

    settle_start(quote=quote, at=at + 3 * LATER, actor=None)

    owed.refresh_from_db()
    assert (owed.status, Refund.objects.get().amount) == (InvoiceStatus.PAID, 5_900)


# --- staff gave it back while its payment was on its way -------------------------------------------------------------


def lost(quote, payment, at) -> Any:
    record_payment(payment_id=payment.pk, outcome=Outcome("declined", "card_declined"), at=at)
    return settle_start(quote=quote, at=at, actor=None)


@pytest.mark.parametrize(("given", "rests"), [(9_900, []), (4_000, [-5_900])])
def test_a_declined_invoice_of_which_staff_gave_some_back_is_given_back_in_full(quote, customer, at, given, rests):
    payment = started(quote, at + LATER)
    issue_credit_note(
        invoice_id=payment.invoice_id, at=at + LATER, reason="Agreed", wanted=Wanted(amount=given), key="by hand"
    )

    for _ in range(2):
        done = lost(quote, payment, at + 2 * LATER)
        settle_credit_notes(customer_ids=[customer.pk], at=at + 2 * LATER)

    notes = Invoice.objects.credit_notes().order_by("pk")
    assert [note.total for note in notes] == [-given, *rests]
    assert (plan_of(customer), done.given_up_at) == ("free", at + 2 * LATER)
    done.invoice.refresh_from_db()
    assert (done.invoice.status, done.invoice.amount_due, Refund.objects.count()) == (InvoiceStatus.PAID, 0, 0)
    assert [*books.check(), *invoice_books.check()] == []


# --- what is told, and when ------------------------------------------------------------------------------------------


def issued_notices():
    return Notice.objects.filter(template="invoice_issued").count()


def test_nobody_is_told_of_the_invoice_before_its_payment_has_an_outcome(quote, at):
    started(quote, at + LATER)
    settle_start(quote=quote, at=at + LATER, actor=None)
    waiting = issued_notices()

    answered(quote, at + LATER, "succeeded")

    assert (waiting, issued_notices()) == (0, 1)


def test_a_declined_first_invoice_is_never_told_of(quote, at):
    answered(quote, at + LATER, "declined")

    assert issued_notices() == 0


# --- with a kept credit ----------------------------------------------------------------------------------------------


@pytest.fixture
def credit(quote, customer, early, at):
    """The same quote again, with 40.00 kept."""

    def make(amount=4_000):
        open_invoice(customer, lines=(line(-amount),), at=at)
        return make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=early, at=at, actor=None)

    return make


def test_only_the_rest_is_collected_and_the_plan_begins(credit, at):
    quote = credit()
    payment = started(quote, at + LATER)

    done = answered(quote, at + LATER, "succeeded")

    assert (quote.amount_due, payment.amount, done.opened is not None) == (5_900, 5_900, True)


def test_a_credit_that_covers_all_of_it_needs_no_payment(credit, customer, at):
    quote = credit(20_000)

    assert bill_start(quote=quote, at=at + LATER, actor=None) is None
    assert bill_start(quote=quote, at=at + LATER, actor=None) is None
    done = settle_start(quote=quote, at=at + LATER, actor=None)

    assert (plan_of(customer), done.opened.starts_at) == ("early", at + LATER)
    assert not Payment.objects.exists()


def test_a_decline_gives_the_credit_back(credit, customer, at):
    done = answered(credit(), at + LATER, "declined")

    assert (plan_of(customer), done.given_up_at) == ("free", at + LATER)
    assert sum(note.amount_due for note in Invoice.objects.credit_notes()) == 4_000
    assert not Refund.objects.exists()
    assert starts_to_settle() == []
    assert [*books.check(), *invoice_books.check()] == []


# --- a success that comes after all -----------------------------------------------------------------------------------
def first_try(quote, at):
    payment = bill_start(quote=quote, at=at, actor=None)
    assert payment is not None
    return submit_payment(payment_id=payment.pk, at=at)


@pytest.fixture
def declining(quote, customer, alice, at):
    """The quote, whose card declines its first payment."""
    user = customer.memberships.order_by("pk")[0].user
    add_card_of(customer, user, at, DECLINES, make_default=True)
    return quote


def test_a_first_payment_that_succeeds_after_it_was_given_up_goes_back(declining, customer, processor, at):
    payment = first_try(declining, at + LATER)
    assert settle_start(quote=declining, at=at + LATER, actor=None).given_up_at
    succeeds_after_all(processor, payment)

    assert look_at_payment(payment, at + 2 * LATER).status == "surplus"

    assert (plan_of(customer), Refund.objects.get().amount) == ("free", 9_900)
    assert list(invoice_books.check()) == []


def test_a_first_payment_that_succeeds_before_it_is_settled_begins_the_plan(declining, customer, processor, at):
    payment = first_try(declining, at + LATER)
    succeeds_after_all(processor, payment)
    assert look_at_payment(payment, at + LATER).status == "succeeded"

    settle_start(quote=declining, at=at + 2 * LATER, actor=None)

    assert (plan_of(customer), Refund.objects.count()) == ("early", 0)


def test_a_new_quote_after_a_decline_and_the_late_money_are_kept_apart(
    declining, customer, alice, early, processor, at
):
    payment = first_try(declining, at + LATER)
    settle_start(quote=declining, at=at + LATER, actor=None)
    user = customer.memberships.order_by("pk")[0].user
    add_card_of(customer, user, at, MASTERCARD, make_default=True)
    again = make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=early, at=at + 2 * LATER, actor=None)
    first_try(again, at + 2 * LATER)
    succeeds_after_all(processor, payment)
    look_at_payment(payment, at + 2 * LATER)
    settle_start(quote=again, at=at + 2 * LATER, actor=None)

    assert (plan_of(customer), Refund.objects.get().payment) == ("early", payment)
    assert list(invoice_books.check()) == []
