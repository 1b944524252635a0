"""What a customer has. A reading is exact at its instant, also where releases and expiries are due and not booked."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q, Sum

from core.any_of import any_of
from credits import drawdown
from credits.drawdown import Open, Owed, Source
from credits.models import ChainHead, CreditBalance, CreditGrant, LedgerTransaction
from credits.state import Purse
from credits.storage import Purses

# One read, whose plan the session keeps (migration `0003_reading`): planning it would take longer than reading.
READ = "SELECT * FROM credits_read(%s::bigint[], %s::text)"


@dataclass(frozen=True, slots=True)
class NextExpiry:
    """The earliest instant at which available credit ends, and how much of it, in minor units.

    What open charges take is not counted: it will have been used by then.
    """

    at: datetime
    amount: int


@dataclass(frozen=True, slots=True)
class Balance:
    """One currency of a customer in minor units: `settled − open_charges == available`.

    `pending` is granted and not available yet; `overdraft` is a positive amount that `settled` contains. `spendable`,
    where a feature was asked for: what a new charge of it can still be paid with, after everything that is open.
    """

    currency: str
    settled: int = 0
    open_charges: int = 0
    available: int = 0
    pending: int = 0
    overdraft: int = 0
    next_expiry: NextExpiry | None = None
    spendable: int = 0


@dataclass(slots=True)
class _Reading:
    """What was read of one purse: `pending` by source, with whether it is paid."""

    settled: int
    overdraft: int
    sources: list[Source]
    pending: list[tuple[Source, int, bool]]
    open_charges: list[Open]
    owed: list[Owed]


def balance(customer_id: int, currency: str, at: datetime, feature_key: str | None = None) -> Balance:
    """One currency, zero where there is nothing. With a feature: credit that may pay for it, and what concerns it.

    `at` is the customer's present; for the past ask `settled_at`. One query.
    """
    for _, read, values in _read([customer_id], currency):
        return _balance(customer_id, read, values, at, feature_key)
    return Balance(currency)


def balances(customer_id: int, at: datetime) -> list[Balance]:
    """Every currency in which the customer has or had credit, or open charges, by its code. One query."""
    return balances_of([customer_id], at).get(customer_id, [])


def balances_of(customer_ids: Iterable[int], at: datetime) -> dict[int, list[Balance]]:
    """The same for many customers; absent without any. One query."""
    found: dict[int, list[Balance]] = defaultdict(list)
    for customer_id, currency, values in _read(list(customer_ids)):
        found[customer_id].append(_balance(customer_id, currency, values, at, None))
    return dict(found)


def settled_at(customer_id: int, currency: str, at: datetime) -> int:
    """What had settled by an instant, past or present, in minor units; also if nobody has booked what was due."""
    rows = LedgerTransaction.objects.filter(customer_id=customer_id, currency=currency, booked_at__lte=at)
    booked = rows.exclude(kind="recognized").aggregate(sum=Sum("amount", default=0))["sum"]
    purse = _as_if_booked(customer_id, currency, at)
    return int(booked) + sum(posting.amount for posting in purse.journal if posting.currency == currency)


def currencies(customer_id: int) -> list[str]:
    """In which the customer has or had credit."""
    rows = CreditBalance.objects.filter(customer_id=customer_id).order_by("currency")
    return list(rows.values_list("currency", flat=True))


def has_credits(customer_ids: Iterable[int]) -> set[int]:
    """Those that were ever granted credit, or charged any. One query."""
    ids = list(customer_ids)
    granted = CreditGrant.objects.filter(any_of("customer_id", ids)).order_by().values_list("customer_id", flat=True)
    charged = ChainHead.objects.filter(any_of("customer_id", ids)).order_by().values_list("customer_id", flat=True)
    return set(granted.union(charged))


def had_credit(customer: OuterRef) -> Q:
    """The same of the customer of an outer query."""
    return Exists(CreditGrant.objects.filter(customer=customer)) | Exists(ChainHead.objects.filter(customer=customer))


def _read(ids: Collection[int], currency: str | None = None) -> list[tuple[int, str, Sequence[Any]]]:
    with connection.cursor() as cursor:
        cursor.execute(READ, [list(ids), currency])
        return [(customer_id, code, values) for customer_id, code, *values in cursor.fetchall()]


def _balance(customer_id: int, currency: str, values: Sequence[Any], at: datetime, feature_key: str | None) -> Balance:
    read = _reading(values)
    if any(paid and source.effective_at <= at for source, _, paid in read.pending):
        read = _released(customer_id, currency, read, at)
    held = drawdown.settled_for(read.sources, owed=read.owed, feature_key=feature_key, at=at)
    left = drawdown.available_for(
        read.sources, feature_key=feature_key, at=at, owed=read.owed, open_charges=read.open_charges
    )
    gone = sum(one.available for one in read.sources if one.expires_at is not None and one.expires_at <= at)
    settled = read.settled - gone if feature_key is None else held
    waiting = sum(
        amount
        for one, amount, _ in read.pending
        if (one.expires_at is None or at < one.expires_at)
        and (feature_key is None or drawdown.may_repay(one.features, feature_key))
    )
    spendable = 0
    if feature_key is not None:
        spendable = drawdown.spendable_for(read.sources, feature_key=feature_key, at=at, open_charges=read.open_charges)
    return Balance(
        currency, settled, held - left, settled - (held - left), waiting, read.overdraft,
        _next_expiry(read, at, feature_key), spendable,
    )  # fmt: skip


def _reading(values: Sequence[Any]) -> _Reading:
    settled, overdraft, grants, open_charges, owed = values
    read = _Reading(settled, overdraft, [], [], [], [])
    for feature_key, amount, may_overdraw, settles_at in open_charges or ():
        later = datetime.fromisoformat(settles_at) if settles_at else None
        read.open_charges.append(Open(feature_key, amount, may_overdraw, later))
    read.owed = [Owed(0, feature_key, int(amount)) for feature_key, amount in (owed or {}).items()]
    for number, priority, features, effective, expires, created, available, pending, paid in grants or ():
        source = Source(
            number, priority, frozenset(features), datetime.fromisoformat(effective),
            datetime.fromisoformat(expires) if expires else None, datetime.fromisoformat(created), available,
        )  # fmt: skip
        if available:
            read.sources.append(source)
        if pending:
            read.pending.append((source, pending, paid is not None))
    return read


def _open(feature_key: str, amount: int, may_overdraw: bool, settles: str | None) -> Open:
    return Open(feature_key, amount, may_overdraw, datetime.fromisoformat(settles) if settles else None)


def _released(customer_id: int, currency: str, read: _Reading, at: datetime) -> _Reading:
    """The reading as it will be once the releases that are due are booked: they repay overdraft first."""
    purse = _as_if_booked(customer_id, currency, at)
    grants = purse.grants.values()
    return replace(
        read,
        settled=read.settled + sum(posting.amount for posting in purse.journal if posting.currency == currency),
        overdraft=sum(charge.overdraft for charge in purse.owed),
        sources=[grant.source() for grant in grants if grant.available],
        pending=[(grant.source(), grant.pending, grant.paid_at is not None) for grant in grants if grant.pending],
        owed=[Owed(0, charge.feature_key, charge.overdraft) for charge in purse.owed],
    )


def _as_if_booked(customer_id: int, currency: str, at: datetime) -> Purse:
    """The purse after what is due by `at`; nothing is written."""
    purse = Purses().load_open([customer_id], until=at, repaying=True).of(customer_id, currency)
    purse.book_due(at)
    return purse


def _next_expiry(read: _Reading, at: datetime, feature_key: str | None) -> NextExpiry | None:
    ending = [
        (one.expires_at, one.id)
        for one in read.sources
        if one.expires_at is not None
        and one.expires_at > at
        and (feature_key is None or drawdown.may_repay(one.features, feature_key))
    ]
    if not ending:  # as with most, who are not asked what their open charges take
        return None
    left = drawdown.left_after(read.sources, at=at, open_charges=read.open_charges)
    first = min((on for on, number in ending if left[number]), default=None)
    return NextExpiry(first, sum(left[number] for on, number in ending if on == first)) if first else None
