"""PURE: which rows a monthly credit statement shows, so that opening + rows = closing. Amounts in minor units."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from core.language import gettext, gettext_noop
from core.periods import Period, midnight, utc_day
from core.wording import title_of
from credits.stated import Stated

WORDS = {
    "funded": gettext_noop("Credit granted: %(title)s"),
    "expired": gettext_noop("Expired: %(title)s"),
    "voided": gettext_noop("Voided: %(title)s"),
    "correction": gettext_noop("Correction: %(title)s"),
}
SUMMED = ("consumed",)


@dataclass(frozen=True, slots=True)
class StatementDraft:
    """One billing period of one customer's credit in one currency, half-open."""

    customer_id: int
    currency: str
    period: Period


@dataclass(frozen=True, slots=True)
class StatementRow:
    """What moved on one day; what the same thing consumed on a day is one row of `count` movements.

    `after` is the balance at the end of the day, on the last row of each.
    """

    on: date
    title: str
    count: int
    amount: int
    after: int | None


@dataclass(frozen=True, slots=True)
class StatementRows:
    """`late` was booked before the period and stands on no earlier statement; opening + both = closing."""

    late: tuple[StatementRow, ...]
    period: tuple[StatementRow, ...]


def statement_rows(movements: Sequence[Stated], *, period: Period, opening: int) -> StatementRows:
    """The rows of a statement over these movements, which stand in the order of the history."""
    begins = midnight(period.start)
    late = [movement for movement in movements if movement.booked_at < begins]
    inside = [movement for movement in movements if movement.booked_at >= begins]
    between = opening + sum(movement.amount for movement in late)
    return StatementRows(_rows(late, opening), _rows(inside, between))


def sums_by_kind(movements: Iterable[Stated]) -> dict[str, int]:
    """What each kind of movement came to; kinds without any are absent."""
    sums: dict[str, int] = {}
    for movement in movements:
        sums[movement.kind] = sums.get(movement.kind, 0) + movement.amount
    return sums


def _rows(movements: Sequence[Stated], opening: int) -> tuple[StatementRow, ...]:
    rows: list[StatementRow] = []
    balance = opening
    days: dict[date, dict[tuple[str, int], list[Stated]]] = {}
    for movement in movements:
        groups = days.setdefault(utc_day(movement.booked_at), {})
        groups.setdefault(_group(movement), []).append(movement)
    for on, groups in days.items():
        balance += sum(movement.amount for group in groups.values() for movement in group)
        last = len(groups)
        for number, group in enumerate(groups.values(), 1):
            amount = sum(movement.amount for movement in group)
            rows.append(StatementRow(on, _title(group[0]), len(group), amount, balance if number == last else None))
    return tuple(rows)


def _group(movement: Stated) -> tuple[str, int]:
    """What is shown as one row: what a day's hours of one charge consumed; everything else by itself."""
    return (f"{movement.kind}:{movement.title}", 0) if movement.kind in SUMMED else (movement.kind, movement.sequence)


def _title(movement: Stated) -> str:
    title = title_of(movement.title or movement.description)
    return gettext(WORDS[movement.kind]) % {"title": title} if movement.kind in WORDS else title
