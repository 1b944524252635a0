"""Credit that runs low, is used up, or is overdrawn: the customer is told once each time it gets worse."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from accounts.notices import NoticeDraft
from accounts.selectors import recipients
from accounts.services.queue_notices import queue_notices
from credits.emails import low
from credits.models import CreditBalance, CreditGrant
from credits.selectors import balances_of

BATCH = 1_000
LEVELS = ("", "low", "exhausted", "negative")
LOW_SHARE = 5  # a fifth of the newest grant or less


def warn_balances(*, at: datetime) -> int:
    """Compare what is available now with what was told; how many messages were queued.

    A balance that recovers is forgotten in silence, so that the next fall is told again.
    """
    told, last = 0, 0
    while ids := list(CreditBalance.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        told += _warn(ids, at)
        last = ids[-1]
    return told


@transaction.atomic
def _warn(ids: Sequence[int], at: datetime) -> int:
    rows = list(CreditBalance.objects.select_related("customer").filter(pk__in=ids))
    levels = _levels(rows, at)
    moved = {row.pk for row in rows if levels[row.pk][0] != row.warned}
    if not moved:
        return 0
    # Another run may be telling the same: whoever holds the row reads again what was told.
    held = CreditBalance.objects.select_related("customer").filter(pk__in=moved)
    notices: list[NoticeDraft] = []
    to = recipients([row.customer_id for row in rows if row.pk in moved])
    for row in held.select_for_update(of=("self",), skip_locked=True).order_by("pk"):
        level, available = levels[row.pk]
        if LEVELS.index(level) > LEVELS.index(row.warned):
            notices.append(_notice(row, level, available, row.customer.clock_at or at, to.get(row.customer_id, [])))
        CreditBalance.objects.filter(pk=row.pk).update(warned=level)
    queue_notices(notices, at=at)
    return len(notices)


def _notice(row: CreditBalance, level: str, available: int, at: datetime, to: list[str]) -> NoticeDraft:
    return low(
        customer_id=row.customer_id,
        customer=row.customer.name,
        currency=row.currency,
        available=available,
        level=level,
        at=at,
        to=to,
    )


def _levels(rows: Iterable[CreditBalance], at: datetime) -> dict[int, tuple[str, int]]:
    """By row: how bad it is, and what is available. A customer's own clock is asked by itself."""
    rows = list(rows)
    newest = _newest_grants({row.customer_id for row in rows})
    found = balances_of([row.customer_id for row in rows if row.customer.clock_at is None], at)
    for row in rows:
        if row.customer.clock_at is not None and row.customer_id not in found:
            found |= balances_of([row.customer_id], row.customer.clock_at)
    available = {(owner, one.currency): one.available for owner, own in found.items() for one in own}
    return {row.pk: _level(available[row.customer_id, row.currency], newest, row) for row in rows}


def _level(available: int, newest: dict[tuple[int, str], int], row: CreditBalance) -> tuple[str, int]:
    if available < 0:
        return "negative", available
    if available == 0:
        return "exhausted", available
    granted = newest.get((row.customer_id, row.currency), 0)
    return ("low" if available * LOW_SHARE <= granted else ""), available


def _newest_grants(customer_ids: Iterable[int]) -> dict[tuple[int, str], int]:
    """The amount that was granted last, by customer and currency."""
    rows = CreditGrant.objects.filter(customer_id__in=list(customer_ids), paid_at__isnull=False)
    newest = rows.order_by("customer_id", "currency", "-created_at", "-pk").distinct("customer_id", "currency")
    return {(owner, code): amount for owner, code, amount in newest.values_list("customer_id", "currency", "amount")}
