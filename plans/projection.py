"""PURE: what a usage window will come to when the days that are left are like the days before.

Per meter: the quantity so far, plus the median of the last 7 full UTC days for every day that is left. Where 28 full
days are known, a day is compared with the same weekdays of those 28. The range takes the 10th and the 90th percentile
of the same days. All of it is exact; the quantities are then priced by the bill's own composition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from typing import NamedTuple

from core.periods import Window, utc_day
from plans.charges import SpellFacts

RECENT_DAYS = 7
PATTERN_DAYS = 28
LEAST_DAYS = 3
LEAST_PART = 10  # one of ten
LOW, MIDDLE, HIGH = Fraction(1, 10), Fraction(1, 2), Fraction(9, 10)
EXACT = Context(prec=60)
DAY = timedelta(days=1)

Day = tuple[date, Decimal]


class Outlook(NamedTuple):
    """A quantity at the end of the window: if the days left are quiet, as usual, busy."""

    low: Decimal
    typical: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class History:
    """One meter: the quantity of the window so far, today's part of it, and the full days before today, oldest first.

    `adds_up`: whether a longer window uses more (count, sum). The others – highest, latest … – are taken to stay as
    they are, because a day says nothing about the end.
    """

    so_far: Decimal
    today: Decimal
    days: Sequence[Day]
    adds_up: bool = True


def is_thin(window: Window, at: datetime, days_known: int) -> bool:
    """Whether there is too little to go by: less than 3 full days known, or less than 3 days or a tenth elapsed."""
    elapsed = at - window.start
    return days_known < LEAST_DAYS or elapsed < LEAST_DAYS * DAY or elapsed * LEAST_PART < window.end - window.start


def by_weekday(days_known: int) -> bool:
    """Whether enough is known to compare Mondays with Mondays."""
    return days_known >= PATTERN_DAYS


def outlook(history: History, window: Window, at: datetime) -> Outlook:
    """What one meter will read when the window, which ends at midnight, ends. Today counts as a usual day unless it
    has brought more already."""
    if not history.adds_up:
        return Outlook(history.so_far, history.so_far, history.so_far)
    return Outlook(*(_at_end(history, window, at, share) for share in (LOW, MIDDLE, HIGH)))


def _at_end(history: History, window: Window, at: datetime, share: Fraction) -> Decimal:
    today, end = utc_day(at), utc_day(window.end)
    left = [percentile(_days_like(day, history.days), share) for day in _days(today, end)]
    rest_of_today = max(left[0] - Fraction(history.today), Fraction(0)) if left else Fraction(0)
    return _decimal(Fraction(history.so_far) + rest_of_today + sum(left[1:]))


def _days(start: date, end: date) -> list[date]:
    return [start + number * DAY for number in range((end - start).days)]


def _days_like(day: date, days: Sequence[Day]) -> list[Decimal]:
    """What was used on the days that this one is expected to be like."""
    if by_weekday(len(days)):
        return [quantity for on, quantity in days[-PATTERN_DAYS:] if on.weekday() == day.weekday()]
    return [quantity for _on, quantity in days[-RECENT_DAYS:]]


def percentile(values: Sequence[Decimal], share: Fraction) -> Fraction:
    """The value below which this share of the values lies, between two of them by straight line. Not of nothing."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    start = Fraction(ordered[below])
    return start + (Fraction(ordered[above]) - start) * (place - below)


def _decimal(value: Fraction) -> Decimal:
    """Exact: percentiles by tenths of decimals are decimals."""
    return EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))


def with_quantities(facts: SpellFacts, quantities: Mapping[int, Decimal], *, closed: bool = True) -> SpellFacts:
    """The same spell with its running window as if it had ended with these quantities, by feature id; not `closed`: as
    if it had come to them so far."""
    *before, running = facts.usage
    ended = replace(running, quantities={**running.quantities, **quantities}, closed=closed)
    return replace(facts, usage=(*before, ended))
