"""Staff give back lines of an invoice, and then the plan gives back of the same lines: never more than was billed.

Amounts in minor units. `ahead` is 49.00 a month in advance, begun on 20 Oct: cancelled on 31 Oct, 20 of 31 days are
not used, 31.61.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.gateways.base import Outcome
from core.tests.recorded import Recorded
from credits.models import CreditBalance
from credits.tests.cast import grant
from invoices.creditable import read_creditable
from invoices.exceptions import NotVoidableError
from invoices.giving_back import Wanted
from invoices.models import Invoice
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.issue_early import issue_early
from invoices.services.record_payment import record_payment
from invoices.services.void_invoice import void_invoice
from plans import cycle
from plans.exceptions import QuoteStaleError
from plans.explain import derived_amount, explain
from plans.models import Plan, QuoteKind
from plans.selectors import current_subscription, due_to_change
from plans.selectors.gathering import Claim, gather
from plans.services.bill_start import bill_start
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.services.carry_out_changes import carry_out_changes
from plans.services.change_plan import change_plan
from plans.services.make_quote import make_quote
from plans.services.schedule_change import schedule_change
from plans.services.settle_start import settle_start
from plans.spells import spell_of
from plans.tests.conftest import add_card, cancel_quote, change_quote, migrate_to, new_plan, pay, tokens_card

NOTED = datetime(2026, 10, 25, 9, tzinfo=UTC)
ENDS = datetime(2026, 10, 31, 8, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 17, 1, tzinfo=UTC)
BILLED = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
UNUSED = 3_161
MORNING = timedelta(hours=10)


pytestmark = pytest.mark.usefixtures("all_books_hold")


def advance(key: str, fee: int, at: datetime, **more: Any) -> Plan:
    return new_plan(key, fee=fee, timing="in_advance", at=at, cards=[tokens_card("0.002")], **more)


def start(customer, plan, at) -> Any:
    """From Free to a plan in advance, paid; its first invoice."""
    add_card(customer, at)
    quote = make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=plan, at=at, actor=None)
    payment = bill_start(quote=quote, at=at, actor=None)
    if payment is not None:
        record_payment(payment_id=payment.pk, outcome=Outcome("succeeded"), at=at)
    done = settle_start(quote=quote, at=at, actor=None)
    assert done.opened is not None
    return done.invoice


def note(invoice, at=NOTED, key="note", **wanted) -> Invoice:
    return issue_credit_note(
        invoice_id=invoice.pk, at=at, actor=None, reason="Outage", wanted=Wanted(**wanted), key=key
    )


def note_of_fee(invoice, amount, at=NOTED, key="note") -> Invoice:
    [fee] = invoice.lines.filter(kind="fee", amount__gt=0)
    return note(invoice, at, key, lines={fee.key: amount})


def backs(invoice) -> list[int]:
    """What a plan's document gives back, by line."""
    lines = invoice.lines.filter(amount__lt=0) if invoice else ()
    return [line.amount for line in lines]


def cancel(customer, at=ENDS) -> Any:
    """The closing invoice, to the cent what was shown."""
    quote = cancel_quote(customer, at)
    invoice = cancel_subscription(quote=quote, at=at, actor=None).invoice
    assert (invoice.total if invoice else 0) == quote.total
    assert (invoice.lines.count() if invoice else 0) == len([row for row in quote.lines if row["amount"]])
    return invoice


_ahead = cache(lambda at: Recorded(lambda: advance("ahead", 4_900, at)))
_first = cache(lambda at: Recorded(lambda customer, ahead: start(customer, ahead, at)))


@pytest.fixture
def ahead(catalogue, at) -> Plan:
    return _ahead(at).again()


@pytest.fixture
def first(free, customer, ahead, at) -> Any:
    return _first(at).again(customer, ahead)


# --- fees in advance --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "unused"),
    [(0, [-3_161]), (1_000, [-3_161]), (1_739, [-3_161]), (1_740, [-3_160]), (3_000, [-1_900]), (4_900, [])],
)
def test_an_ending_plan_gives_back_what_staff_left_of_the_fee(first, customer, given, unused):
    if given:
        note_of_fee(first, given)

    assert backs(cancel(customer)) == unused


def test_all_notes_count_and_goodwill_stays_goodwill(first, customer):
    note_of_fee(first, 1_000, key="a")
    note(first, key="b", amount=2_000)
    closing = cancel(customer)

    assert backs(closing) == [-1_900]
    assert read_creditable(first).is_used_up


def test_a_voided_invoice_that_was_never_paid_has_nothing_to_give_back(first, customer):
    [draft] = calculate_charges(subscription_ids=[current_subscription(customer.pk).pk], at=NOVEMBER)
    [invoice] = finalize_invoices(invoice_ids=[draft.pk], at=BILLED)
    void_invoice(invoice_id=invoice.pk, at=BILLED + MORNING, reason="Agreed")

    assert cancel(customer, BILLED + timedelta(days=5)) is None


def test_what_an_ended_plan_gave_back_keeps_the_invoice_from_being_voided(first, customer, ahead, at):
    """Also by an invoice, not only by a credit note: else the customer would keep what it took off."""
    [draft] = calculate_charges(subscription_ids=[current_subscription(customer.pk).pk], at=NOVEMBER)
    [invoice] = finalize_invoices(invoice_ids=[draft.pk], at=BILLED)
    pro = advance("pro", 9_900, at)
    changed = BILLED + timedelta(days=5)
    schedule_change(customer_id=customer.pk, plan=pro, when="now", at=changed, actor=None, reason="Asked")
    closing = Invoice.objects.order_by("pk").last()
    assert not closing.is_credit_note

    with pytest.raises(NotVoidableError, match="given back in part"):
        void_invoice(invoice_id=invoice.pk, at=changed, reason="Agreed")
    void_invoice(invoice_id=closing.pk, at=changed, reason="Agreed")
    void_invoice(invoice_id=invoice.pk, at=changed, reason="Agreed")


@pytest.mark.parametrize(("fee", "new"), [(9_900, 6_387), (2_900, 1_871)])
def test_a_change_up_or_down_gives_back_what_is_left_and_charges_the_new_plan(first, customer, at, fee, new):
    note_of_fee(first, 3_000)
    quote = change_quote(customer, advance("other", fee, at), ENDS)
    invoice = change_plan(quote=quote, at=ENDS, actor=None).invoice

    assert [row["amount"] for row in quote.lines] == [-1_900, new]
    assert sorted(line.amount for line in invoice.lines.all()) == [-1_900, new]


def test_a_change_by_staff_gives_back_what_is_left(first, customer, at):
    other = advance("other", 2_900, at)
    note_of_fee(first, 4_000)
    schedule_change(customer_id=customer.pk, plan=other, when="now", at=ENDS, actor=None, reason="Asked")

    assert backs(Invoice.objects.order_by("pk").last()) == [-900]
    assert current_subscription(customer.pk).plan == other


def test_a_migration_to_the_next_version_gives_back_what_is_left(first, customer, at):
    note_of_fee(first, 4_000)
    assert migrate_to(advance("ahead", 5_900, at, version=2), "now", ENDS) == 1
    carry_out_changes(change_ids=[due.id for due in due_to_change(ENDS)], at=ENDS)

    assert backs(Invoice.objects.order_by("pk").last()) == [-900]


def test_up_and_down_on_one_day_after_a_note_gives_back_the_new_fee_in_full(first, customer, ahead, at):
    note_of_fee(first, 4_900)
    change_plan(quote=change_quote(customer, advance("other", 9_900, at), ENDS), at=ENDS, actor=None)
    for invoice in Invoice.objects.filter(status="open", kind="invoice"):
        pay(invoice, ENDS)

    assert backs(cancel(customer, ENDS + timedelta(hours=1))) == [-6_387]


@pytest.mark.parametrize(("given", "expected"), [(None, [-316]), (1_000, [-316, -4_900 + 1_000])])
def test_what_was_issued_early_and_credited_is_not_given_back_again(first, customer, given, expected):
    """On 18 Nov two days of the first month are not used, and all of the second."""
    [draft] = calculate_charges(subscription_ids=[current_subscription(customer.pk).pk], at=NOVEMBER)
    invoice = issue_early(invoice_id=draft.pk, total=draft.total, at=NOVEMBER + MORNING, reason="Asked")
    if given:
        note_of_fee(invoice, given, NOVEMBER + MORNING)
    else:
        note(invoice, NOVEMBER + MORNING)

    assert backs(cancel(customer, NOVEMBER + timedelta(days=1))) == expected


def test_a_quote_does_not_hold_when_staff_gave_something_back_meanwhile(first, customer):
    quote = cancel_quote(customer, ENDS)
    note(first, ENDS)

    with pytest.raises(QuoteStaleError) as refused:
        cancel_subscription(quote=quote, at=ENDS, actor=None)
    assert (quote.total, refused.value.after.total) == (-UNUSED, 0)


def test_the_line_says_why_it_is_less(first, customer):
    given = note_of_fee(first, 3_000)
    [line] = cancel(customer).lines.all()

    assert line.detail == "−$49.00 × 20 of 31 days, not used; no more than $19.00 was left of it"
    assert (line.explain["left"], line.explain["left_of"], line.explain["notes"]) == (1_900, 4_900, [given.number])
    assert derived_amount(line.explain) == line.amount
    last = explain(line.explain).steps[-1]
    assert last.figure == "→ −$19.00"
    assert last.note == (f"all that was left of $49.00: credit note {given.number} gave some back")


def asked_of_lines(spell, piece) -> int:
    """How many questions about lines the facts of a slice of time cost."""
    with CaptureQueriesContext(connection) as queries:
        gather([Claim(spell, piece)])
    return sum("invoices_invoiceline" in query["sql"] for query in queries)


def test_nothing_is_asked_where_nothing_is_given_back(first, customer):
    spell = current_subscription(customer.pk)
    monthly, closing = cycle.monthly_slice(spell_of(spell)), cycle.closing_slice(spell_of(spell), ENDS)

    assert (asked_of_lines(spell, monthly), asked_of_lines(spell, closing)) == (0, 1)


# --- paid with credits ------------------------------------------------------------------------------------------------
@pytest.fixture
def with_credit(free, customer, ahead, at) -> Any:
    """40.00 of the 49.00 paid with credits."""
    grant(customer, 4_000, at)
    return start(customer, ahead, at)


def settled(customer) -> int:
    return CreditBalance.objects.get(customer=customer).settled


def test_money_that_staff_gave_back_leaves_the_credits_for_the_plan(with_credit, customer):
    note(with_credit, amount=900)
    closing = cancel(customer)

    assert (backs(closing), closing.total, settled(customer)) == ([-UNUSED], 0, UNUSED)


def test_a_note_over_both_leaves_the_rest_of_the_credits(with_credit, customer):
    note_of_fee(with_credit, 3_000)
    assert settled(customer) == 2_100
    closing = cancel(customer)

    assert (backs(closing), closing.total, settled(customer)) == ([-1_900], 0, 4_000)


def test_where_nothing_was_given_back_money_comes_first(with_credit, customer):
    closing = cancel(customer)

    assert (backs(closing), closing.total, settled(customer)) == ([-UNUSED], -900, UNUSED - 900)
    assert read_creditable(with_credit).credits == 4_900 - UNUSED
