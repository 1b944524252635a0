"""What the books of credits-only plans must say: watermarks as charged, running charges as rated, no invoice."""

from collections.abc import Iterator, Sequence
from itertools import islice

from core.books import Finding
from core.periods import Window
from credits.waiting import charged_by_group, running_charges
from invoices.selectors import lines_beginning_with
from plans.models import RatedUsage, SettlementMode, Subscription, UsageWatch
from plans.rating import usage_key
from plans.selectors.closing import key_prefix
from plans.selectors.settlement import running_claim, settle_claims, watched
from plans.settling import running_of, running_usage, scope
from usage.selectors import STORING, hours_since

BATCH = 500


def check() -> Iterator[Finding]:
    """Every broken rule of usage that credit pays."""
    yield from watermarks_are_what_was_charged()
    yield from nothing_of_it_is_invoiced()
    yield from open_charges_are_what_runs()


def watermarks_are_what_was_charged() -> Iterator[Finding]:
    """What a window came to is the sum of its charges, less what was given back."""
    marks = RatedUsage.objects.filter(subscription__plan__settlement_mode=SettlementMode.CREDIT_ONLY)
    rows = marks.select_related("subscription", "rate_card").order_by("pk").iterator(chunk_size=BATCH)
    while batch := list(islice(rows, BATCH)):
        groups = {_group(mark): mark for mark in batch}
        charged = charged_by_group({mark.subscription.customer_id for mark in batch}, list(groups))
        for group, mark in groups.items():
            found = charged.get(group, 0)
            if found != mark.amount:
                yield Finding("what was rated was charged", f"line:{group}", f"rated {mark.amount}, charged {found}")


def _group(mark: RatedUsage) -> str:
    planned = Window(mark.window_starts_at, mark.planned_ends_at)
    return usage_key(mark.subscription_id, mark.rate_card.key, planned)


def nothing_of_it_is_invoiced() -> Iterator[Finding]:
    spells = Subscription.objects.filter(plan__settlement_mode=SettlementMode.CREDIT_ONLY).order_by("pk")
    rows = spells.iterator(chunk_size=BATCH)
    while batch := list(islice(rows, BATCH)):
        for key in lines_beginning_with([key_prefix(spell) for spell in batch]):
            yield Finding("nothing of a credits-only plan is invoiced", f"line:{key}", "stands on a document")


def open_charges_are_what_runs() -> Iterator[Finding]:
    """As of when each customer was looked at last, where nothing has come since; the next look makes them anew."""
    customers = UsageWatch.objects.filter(seen_at__isnull=False, customer__clock_at__isnull=True)
    ids = list(customers.order_by("customer_id").values_list("customer_id", flat=True).distinct())
    for place in range(0, len(ids), BATCH):
        yield from _wrong_charges(ids[place : place + BATCH])


def _wrong_charges(ids: Sequence[int]) -> Iterator[Finding]:
    rows = watched(ids)
    moved = hours_since({row.customer_id: row.seen_at + STORING for row in rows if row.seen_at})
    quiet = [row for row in rows if row.seen_at and row.customer_id not in moved]
    only = [row for row in quiet if row.subscription.plan.terms().is_credit_only and row.subscription.ends_at is None]
    claims = [running_claim(row, row.seen_at, row.seen_at) for row in only if row.seen_at]
    expected = running_of(settle_claims(claims, {}))
    expected |= running_usage([row.subscription for row in quiet if not row.subscription.plan.terms().is_credit_only])
    found = running_charges([row.customer_id for row in quiet])
    for row in quiet:
        prefix = scope(row.subscription_id)
        due = {draft.key: draft.amount for draft in expected.get(prefix, [])}
        kept = {key: amount for key, amount in found.items() if key.startswith(prefix)}
        if due != kept:
            yield Finding("open charges are what runs", f"subscription:{row.subscription_id}", f"{due}, found {kept}")
