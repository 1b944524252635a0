"""What this room's books must say: one open spell per customer, calendars by the anchor, watermarks as billed."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet, Value, Window
from django.db.models.functions import Lag, Lead

from accounts.models import Customer
from core.books import Finding
from core.periods import Window as UsageWindow
from core.periods import billing_date, period_number
from core.questions import Question
from invoices.selectors import line_amounts, stored_lines
from invoices.standing import given_back_too_much
from plans import books_credits, books_overdue
from plans.explain import derived_amount
from plans.late import posted_lines
from plans.models import Calendar, RatedUsage, SettlementMode, Subscription
from plans.spells import calendar_of, spell_of

BATCH = 2_000


def check() -> Iterator[Finding]:
    """Every broken rule of spells, calendars, pushed-down policies and watermarks."""
    yield from every_customer_has_a_plan()
    yield from payment_policy_is_the_plans()
    yield from contracts_are_their_customers()
    yield from spells_are_contiguous()
    yield from calendars_follow_the_anchor()
    yield from watermarks_are_what_was_billed()
    yield from books_credits.check()
    yield from books_overdue.check()
    yield from nothing_is_given_back_twice()
    yield from lines_can_be_derived()


def every_customer_has_a_plan() -> Iterator[Finding]:
    """At most one is the database's own rule."""
    for (pk,) in _without_plan.ask():
        yield Finding("has exactly one open subscription", f"customer:{pk}", "found none")


@Question
def _without_plan() -> QuerySet[Customer, Any]:
    spells = Subscription.objects.open().filter(customer=OuterRef("pk"))
    return Customer.objects.filter(~Exists(spells)).values_list("pk")


def payment_policy_is_the_plans() -> Iterator[Finding]:
    for pk, expected, found in _other_policies.ask():
        yield Finding("payment policy is that of the plan", f"customer:{pk}", f"expected {expected}, found {found}")


@Question
def _other_policies() -> QuerySet[Subscription, Any]:
    spells = Subscription.objects.open().exclude(customer__payment_policy=F("plan__payment_policy"))
    return spells.values_list("customer", "plan__payment_policy", "customer__payment_policy")


def contracts_are_their_customers() -> Iterator[Finding]:
    """The database refuses it too, when a spell begins."""
    for pk, expected, found in _others_contracts.ask():
        detail = f"expected customer {expected}, found {found}"
        yield Finding("a contract is its customer's", f"subscription:{pk}", detail)


@Question
def _others_contracts() -> QuerySet[Subscription, Any]:
    spells = Subscription.objects.filter(plan__customer__isnull=False).exclude(customer=F("plan__customer"))
    return spells.values_list("pk", "plan__customer", "customer")


def spells_are_contiguous() -> Iterator[Finding]:
    following = Window(Lead("starts_at"), partition_by="customer_id", order_by=["starts_at", "pk"])
    rows = Subscription.objects.annotate(following=following).values_list("pk", "ends_at", "following")
    for pk, ends_at, starts_at in rows.order_by("customer_id", "starts_at", "pk").iterator():
        if ends_at != starts_at:
            detail = f"ends {ends_at}, the next one starts {starts_at}"
            yield Finding("a spell ends where the next one starts", f"subscription:{pk}", detail)


def calendars_follow_the_anchor() -> Iterator[Finding]:
    for spell in Subscription.objects.with_terms().order_by("pk").iterator(chunk_size=2000):
        found = Calendar(spell.window_starts_at, spell.next_billing_on, spell.calculate_at)
        expected = _calendar(spell)
        if found != expected:
            yield Finding(
                "the calendar follows the anchor", f"subscription:{spell.pk}", f"expected {expected}, found {found}"
            )


def _calendar(spell: Subscription) -> Calendar:
    """Where it must stand, by anchor, start and the number of its next billing date alone."""
    if spell.ends_at is not None:
        return Calendar(spell.ends_at, None, None)
    if not spell.plan.terms().is_priced:
        return Calendar(spell.starts_at, None, None)
    if spell.next_billing_on is None:
        return calendar_of(spell_of(spell))
    nearest = billing_date(spell.anchor_on, period_number(spell.anchor_on, spell.next_billing_on))
    return calendar_of(spell_of(spell, nearest))


def watermarks_are_what_was_billed() -> Iterator[Finding]:
    """Every posting of a window is the difference to the posting before, and stands on a line (or was of 0)."""
    rows = _watermarks().iterator(chunk_size=BATCH)
    while postings := list(islice(rows, BATCH)):
        yield from _wrong_postings(postings)


def _watermarks() -> QuerySet[RatedUsage]:
    """Each with the amount that was rated before of its window."""
    before = Window(
        Lag("amount", default=Value(0)),
        partition_by=["subscription_id", "rate_card_id", "window_starts_at"],
        order_by="number",
    )
    rows = RatedUsage.objects.select_related("rate_card").annotate(rated_before=before)
    rows = rows.exclude(subscription__plan__settlement_mode=SettlementMode.CREDIT_ONLY)
    return rows.order_by("subscription_id", "rate_card_id", "window_starts_at", "number")


def _wrong_postings(postings: "list[RatedUsage]") -> Iterator[Finding]:
    keys = {row.pk: _line_keys(row) for row in postings}
    billed = line_amounts([key for row_keys in keys.values() for key in row_keys])
    for row in postings:
        rated: int = row.amount - row.rated_before  # type: ignore[attr-defined]  # annotated above
        found = sum(billed.get(key, 0) for key in keys[row.pk])
        if rated != found:
            yield Finding("what was rated was billed", f"line:{keys[row.pk][0]}", f"rated {rated}, billed {found}")


def nothing_is_given_back_twice() -> Iterator[Finding]:
    """Whoever gives back – a plan that ends, late usage, staff –, no line comes to less than nothing."""
    for key, billed, back in given_back_too_much("subscription:"):
        yield Finding("no more is given back than was billed", f"line:{key}", f"billed {billed}, given back {back}")


def lines_can_be_derived() -> Iterator[Finding]:
    """Every line of this room, and whatever else has explain data, comes to its amount by that data alone."""
    for line in stored_lines():
        if not line.explain and not line.key.startswith("subscription:"):
            continue  # added by hand: there is nothing to derive
        try:
            derived = derived_amount(line.explain)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            detail = f"its data does not suffice: {type(error).__name__} {error}"
            yield Finding("a line can be derived again", f"line:{line.key}", detail)
            continue
        if derived != line.amount:
            detail = f"derived {derived}, stored {line.amount}"
            yield Finding("a line can be derived again", f"line:{line.key}", detail)


def _line_keys(row: RatedUsage) -> list[str]:
    window = UsageWindow(row.window_starts_at, row.window_ends_at)
    return list(posted_lines(row.subscription_id, row.rate_card.key, row.rate_card.name, window, row.number))
