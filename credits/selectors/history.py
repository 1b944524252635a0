"""A customer's movements, newest first. What stood before and after each is computed over all of its currency."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from accounts.models import AuditEntry
from credits.models import LedgerTransaction, TransactionKind
from credits.selectors.balances import currencies

COLUMNS = (
    "id", "sequence", "kind", "amount", "booked_at", "created_at", "currency", "grant_id", "grant__public_id",
    "grant__name", "charge__key", "charge__title", "charge__line_key", "feature_key", "description",
    "corrects__sequence",
)  # fmt: skip
KIND, BOOKED_AT, CHARGE = (COLUMNS.index(name) for name in ("kind", "booked_at", "charge__key"))
NEWEST_FIRST = ("-booked_at", "-created_at", "-pk")
OLDEST_FIRST = ("booked_at", "created_at", "pk")

# The newest balance less all that moved since: reads only what is newer than the page, by the index of the history.
AFTER = """
SELECT id, after FROM (
    SELECT row.id, (balance.settled - sum(row.amount) OVER newer + row.amount)::bigint AS after
    FROM credits_ledgertransaction AS row
    JOIN credits_creditbalance AS balance USING (customer_id, currency)
    WHERE row.customer_id = %s AND row.currency = %s AND row.kind <> 'recognized'
        AND (row.booked_at, row.created_at, row.id) >= (%s, %s, %s)
    WINDOW newer AS (ORDER BY row.booked_at DESC, row.created_at DESC, row.id DESC)
) AS every WHERE id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Movement:
    """One row of the history, amounts in minor units. `before + amount == after`; empty texts where there is none.

    `corrects` is the sequence of the movement it takes back.
    """

    id: int
    sequence: int
    kind: str
    amount: int
    before: int
    after: int
    booked_at: datetime
    created_at: datetime
    currency: str
    grant_id: int | None
    grant_public_id: str
    grant_name: str
    charge_key: str
    charge_title: str
    line_key: str
    feature_key: str
    description: str
    corrects: int | None


@dataclass(frozen=True, slots=True)
class MovementPage:
    """Movements, newest first; `older` and `newer` are cursors, empty where there is nothing more."""

    rows: list[Movement]
    older: str = ""
    newer: str = ""


def movements(
    customer_id: int,
    *,
    kind: str = "",
    currency: str = "",
    feature_key: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str = "",
    limit: int = 50,
) -> MovementPage:
    """A page of what was booked, in [since, until); a cursor that is none shows the newest.

    Releases and expiries that are due are no movements until they are booked (`book_due_credits`).
    """
    own = currencies(customer_id)
    rows = LedgerTransaction.objects.filter(
        ~Q(kind=TransactionKind.RECOGNIZED), customer_id=customer_id, currency__in=[currency] if currency else own
    )
    if kind:
        rows = rows.filter(kind=kind)
    if feature_key:
        of_grants = Q(charge__isnull=True, grant__features__contains=[feature_key])  # of credit for this feature alone
        rows = rows.filter(Q(feature_key=feature_key) | of_grants)
    if since:
        rows = rows.filter(booked_at__gte=since)
    if until:
        rows = rows.filter(booked_at__lt=until)
    return _page(customer_id, rows, cursor, limit)


def _page(customer_id: int, rows: "QuerySet[LedgerTransaction]", cursor: str, limit: int) -> MovementPage:
    place = _place(customer_id, cursor)
    upwards = place is not None and cursor[0] == "n"
    if place:
        rows = rows.filter(_beyond("gt" if upwards else "lt", *place))
    ordered = rows.order_by(*(OLDEST_FIRST if upwards else NEWEST_FIRST)).values_list(*COLUMNS)
    found = list(ordered[: limit + 1])
    has_more, found = len(found) > limit, _whole(found, limit)
    if upwards:
        found.reverse()
    older, newer = (True, has_more) if upwards else (has_more, place is not None)
    return MovementPage(
        _movements(customer_id, found),
        older=f"o{found[-1][0]}" if found and older else "",
        newer=f"n{found[0][0]}" if found and newer else "",
    )


def _whole(found: list[Any], limit: int) -> list[Any]:
    """The page, less the beginning of a charge that goes on beyond it: such a charge is left to the next one."""
    if len(found) <= limit:
        return found
    cut = _charge(found[limit])
    ends = next((place for place in range(limit, 0, -1) if cut is None or _charge(found[place - 1]) != cut), limit)
    return found[:ends]


def _charge(row: Sequence[Any]) -> tuple[Any, ...] | None:
    """What several rows of one draw have in common; None of any other movement."""
    return (row[CHARGE], row[BOOKED_AT]) if row[KIND] == TransactionKind.CONSUMED and row[CHARGE] else None


def _place(customer_id: int, cursor: str) -> tuple[datetime, datetime, int] | None:
    """The movement that a cursor names: `o7` is what is older than it, `n7` what is newer."""
    if cursor[:1] not in ("o", "n") or not cursor[1:].isdecimal() or len(cursor) > 19:
        return None
    rows = LedgerTransaction.objects.filter(customer_id=customer_id, pk=int(cursor[1:]))
    return rows.values_list("booked_at", "created_at", "pk").first()


def _beyond(side: str, booked_at: datetime, created_at: datetime, pk: int) -> Q:
    same = Q(**{f"created_at__{side}": created_at}) | Q(**{"created_at": created_at, f"pk__{side}": pk})
    # The first condition lets the index start at the right place.
    return Q(**{f"booked_at__{side}e": booked_at}) & (
        Q(**{f"booked_at__{side}": booked_at}) | Q(booked_at=booked_at) & same
    )


def entries_of(customer_id: int, movements: Iterable[Movement]) -> dict[int, AuditEntry]:
    """Who granted, adjusted or voided, and why, by the id of the movement; what a run did has none. One query."""
    asked = {each.id: asking for each in movements if (asking := _asked_by(each))}
    subjects = {subject for _action, subject in asked.values()}
    rows = AuditEntry.objects.filter(customer_id=customer_id, subject__in=subjects).select_related("actor")
    entries = {(row.action, row.subject): row for row in rows.order_by("pk")}
    return {pk: entries[asking] for pk, asking in asked.items() if asking in entries}


def _asked_by(movement: Movement) -> tuple[str, str] | None:
    """The action and the subject of its audit entry."""
    grant = f"grant:{movement.grant_public_id}"
    if movement.kind == TransactionKind.VOIDED:
        return "void_grant", grant
    if movement.kind == TransactionKind.ADJUSTMENT and movement.charge_key:
        return "adjust_balance", movement.charge_key
    if movement.kind in (TransactionKind.ADJUSTMENT, TransactionKind.FUNDED):
        return "grant_credits", grant
    return None


def _movements(customer_id: int, rows: Sequence[Sequence[Any]]) -> list[Movement]:
    after = _after(customer_id, rows)
    return [_movement(after[row[0]], *row) for row in rows]


def _movement(
    after: int, pk: int, sequence: int, kind: str, amount: int, booked_at: datetime, created_at: datetime,
    currency: str, grant_id: int | None, *more: Any,
) -> Movement:  # fmt: skip
    *texts, corrects = more
    public_id, grant_name, charge_key, title, line_key, feature_key, description = (text or "" for text in texts)
    return Movement(
        pk, sequence, kind, amount, after - amount, after, booked_at, created_at, currency, grant_id, public_id,
        grant_name, charge_key, title, line_key, feature_key, description, corrects,
    )  # fmt: skip


def _after(customer_id: int, rows: Iterable[Sequence[Any]]) -> dict[int, int]:
    """The balance after each of these, by id. One query per currency."""
    by_currency: dict[str, list[Sequence[Any]]] = {}
    for row in rows:
        by_currency.setdefault(row[6], []).append(row)
    after: dict[int, int] = {}
    with connection.cursor() as cursor:
        for currency, own in by_currency.items():
            pk, booked_at, created_at = own[-1][0], own[-1][4], own[-1][5]
            cursor.execute(AFTER, [customer_id, currency, booked_at, created_at, pk, [row[0] for row in own]])
            after |= dict(cursor.fetchall())
    return after
