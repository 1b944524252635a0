"""Which months of credits-only plans have ended and wait for their statement."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import QuerySet

from core.due import Due, only
from core.periods import Period, midnight, period_of, utc_day
from plans.models import SettlementMode, UsageWatch


def due_to_state(at: datetime, customer_id: int | None = None) -> list[Due]:
    """Subscriptions on a credits-only plan of which a billing period has ended, with all of its hours settled; by the
    customer's own clock, nobody parked. An ended one is stated until the period it ended in is over."""
    rows = _credits_only().filter(customer__parked_at__isnull=True, **only(customer_id))
    due = _earliest((row, row.customer.present(at)) for row in rows)
    return sorted((Due(row.pk, row.customer_id, row.customer.present(at)) for row, _period in due), key=_in_order)


def months_to_state(subscription_ids: Collection[int], at: datetime) -> list[tuple[UsageWatch, Period]]:
    """The same for some subscriptions, under their customers' lock, with the periods."""
    return _earliest((row, at) for row in _credits_only().filter(subscription_id__in=subscription_ids))


def _in_order(row: Due) -> tuple[datetime, int]:
    return row.present, row.customer_id


def _earliest(rows: Iterable[tuple[UsageWatch, datetime]]) -> list[tuple[UsageWatch, Period]]:
    """One period per customer, the one that ended first: statements follow each other."""
    found: dict[int, tuple[UsageWatch, Period]] = {}
    for row, present in rows:
        period = next_month(row)
        if period is None or not _is_due(row, period, present):
            continue
        first = found.get(row.customer_id)
        if first is None or (period.end, row.pk) < (first[1].end, first[0].pk):
            found[row.customer_id] = row, period
    return list(found.values())


def next_month(row: UsageWatch) -> Period | None:
    """The first billing period of a watched spell that is not stated; None where the spell ended before it."""
    spell = row.subscription
    begins = row.stated_until or utc_day(spell.starts_at)
    if spell.ends_at is not None and spell.ends_at <= midnight(begins) and row.stated_until:
        return None
    whole = period_of(spell.anchor_on, begins)
    return Period(begins, whole.end)


def _is_due(row: UsageWatch, period: Period, present: datetime) -> bool:
    settled = row.subscription.ends_at is not None or row.settled_until >= midnight(period.end)
    return settled and midnight(period.end) <= present


def _credits_only() -> QuerySet[UsageWatch]:
    rows = UsageWatch.objects.select_related("subscription__plan", "customer")
    return rows.filter(subscription__plan__settlement_mode=SettlementMode.CREDIT_ONLY)
