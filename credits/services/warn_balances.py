"""Credit that runs low, is used up, or is overdrawn: the customer is told once each time it gets worse."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from django.db import transaction
from django.db.models import Case, When

from accounts.notices import NoticeDraft
from accounts.selectors import recipients, recipients_and_admins
from accounts.services.queue_notices import queue_notices
from core.due import only
from credits.at_zero import AtZero, AtZeroOf, unknown
from credits.emails import low
from credits.models import CreditBalance, CreditGrant, Funding
from credits.pace import pace
from credits.selectors import balances_of

BATCH = 1_000
LEVELS = ("", "low", "exhausted", "negative")
LOW_SHARE = 5  # low: a fifth or less of the largest recent grant, so that a small gift hides nothing
RECENT = timedelta(days=90)
TAKES_BY_THE_HOUR = ("negative", "refused")


def warn_balances(*, at: datetime, customer_id: int | None = None, at_zero: AtZeroOf = unknown) -> int:
    """Compare what is available now with what was told; how many messages were queued. With `customer_id` of that
    customer alone. `at_zero` knows what the customers' plans do once there is no credit.

    A balance that recovers is forgotten in silence, so that the next fall is told again.
    """
    told, last = 0, 0
    rows = CreditBalance.objects.filter(**only(customer_id)).order_by("pk")
    while ids := list(rows.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH]):
        told += _warn(ids, at, at_zero)
        last = ids[-1]
    return told


@transaction.atomic
def _warn(ids: Sequence[int], at: datetime, at_zero: AtZeroOf) -> int:
    rows = CreditBalance.objects.select_related("customer").order_by("pk")
    found = list(rows.filter(pk__in=ids))
    moved = _moved(found, at)
    if not moved:
        return 0
    # Another run may be telling the same: whoever holds the row reads again, what was told and what there is.
    held = rows.filter(pk__in=[row.pk for row, _, _ in moved]).select_for_update(of=("self",), skip_locked=True)
    moved = _moved(list(held), at)
    fallen = [one for one in moved if LEVELS.index(one[1]) > LEVELS.index(one[0].warned)]
    notices = _notices(fallen, at, at_zero)
    queue_notices(notices, at=at)
    for level, group in groupby(sorted(moved, key=_level_of), key=_level_of):
        CreditBalance.objects.filter(pk__in=[row.pk for row, _, _ in group]).update(warned=level)
    return len(notices)


def _level_of(one: tuple[CreditBalance, str, int]) -> str:
    return one[1]


def _moved(rows: Sequence[CreditBalance], at: datetime) -> list[tuple[CreditBalance, str, int]]:
    """The rows of which something else is true than was told: how bad it is, and what is available."""
    levels = _levels(rows, at)
    return [(row, *levels[row.pk]) for row in rows if levels[row.pk][0] != row.warned]


def _notices(fallen: Sequence[tuple[CreditBalance, str, int]], at: datetime, at_zero: AtZeroOf) -> list[NoticeDraft]:
    owners = {row.customer_id for row, _, _ in fallen}
    if not owners:
        return []
    to, everybody, then = recipients(owners), recipients_and_admins(owners), at_zero(owners)
    asked = [
        (one, everybody if one[1] == "negative" else to)  # that is no choice: somebody must do something about it
        for one in fallen
    ]
    return [
        _notice(row, level, available, at=row.customer.present(at), to=whom[row.customer_id], then=_then(row, then))
        for (row, level, available), whom in asked
        if whom[row.customer_id]
    ]


def _then(row: CreditBalance, at_zero: Mapping[int, AtZero]) -> str:
    known = at_zero.get(row.customer_id)
    return known.what if known and known.currency == row.currency else ""


def _notice(row: CreditBalance, level: str, available: int, *, at: datetime, to: list[str], then: str) -> NoticeDraft:
    """How long it lasts matters where usage takes from it all the time, and not once a month."""
    lasts = pace(row.customer_id, row.currency, at).runway(available) if then in TAKES_BY_THE_HOUR else None
    return low(
        customer_id=row.customer_id,
        customer=row.customer.name,
        currency=row.currency,
        available=available,
        level=level,
        lasts=lasts,
        then=then,
        at=at,
        to=to,
    )


def _levels(rows: Sequence[CreditBalance], at: datetime) -> dict[int, tuple[str, int]]:
    """By row: how bad it is, and what is available. A customer's own clock is asked by itself."""
    granted = _recent_grants({row.customer_id for row in rows}, at)
    found = balances_of([row.customer_id for row in rows if row.customer.clock_at is None], at)
    for row in rows:
        if row.customer.clock_at is not None and row.customer_id not in found:
            found |= balances_of([row.customer_id], row.customer.clock_at)
    available = {(owner, one.currency): one.available for owner, own in found.items() for one in own}
    purses = {row.pk: (row.customer_id, row.currency) for row in rows}
    return {pk: _level(available[purse], granted.get(purse, 0)) for pk, purse in purses.items()}


def _level(available: int, granted: int) -> tuple[str, int]:
    """Nobody is out of credit who never had any: a grant that waits for its payment or its day is no fall."""
    if available < 0:
        return "negative", available
    if available == 0:
        return ("exhausted" if granted else ""), available
    return ("low" if available * LOW_SHARE <= granted else ""), available


def _recent_grants(customer_ids: Iterable[int], at: datetime) -> dict[tuple[int, str], int]:
    """The amount of the largest grant of the last 90 days, else of the newest one, by customer and currency.

    Only what became available counts; adjustments are no grants.
    """
    rows = CreditGrant.objects.filter(customer_id__in=list(customer_ids), released_at__isnull=False)
    recent = Case(When(released_at__gt=at - RECENT, then="amount"), default=0)
    rows = rows.exclude(funding=Funding.ADJUSTMENT).annotate(recent=recent)
    order = ("customer_id", "currency")
    rows = rows.order_by(*order, "-recent", "-released_at", "-pk").distinct(*order)
    return {(owner, code): amount for owner, code, amount in rows.values_list("customer_id", "currency", "amount")}
