"""The calendar: half-open periods of UTC days, usage windows of instants, billing dates counted from the anchor.

A *period* is `[start, end)` in days, a *window* is `[start, end)` in instants (UTC). Billing date n is the anchor
plus n months, clamped to the month's end and counted from the anchor, never from the previous date
(anchor 31 → 28/29 Feb → 31 Mar). See docs/algorithms/calendar.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Self

from core.cadence import MONTHLY, Cadence

CALCULATION_LEAD = timedelta(days=3)
CACHED = 16_384  # a run asks the same few dates of very many customers


def midnight(on: date) -> datetime:
    """The instant a UTC day begins."""
    return datetime.combine(on, time.min, tzinfo=UTC)


def utc_day(at: datetime) -> date:
    """The UTC day an instant falls on."""
    return at.astimezone(UTC).date()


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Half-open range of UTC days `[start, end)`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"period ends before it starts: {self.start} – {self.end}")

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        """The last day inside, for people: `[20 Oct, 20 Nov)` is shown as 20 Oct – 19 Nov."""
        return self.end - timedelta(days=1)

    def overlap(self, other: Self) -> "Period":
        """The days in both; empty (start == end) where there are none."""
        start = max(self.start, other.start)
        return Period(start, max(start, min(self.end, other.end)))

    def until(self, on: date) -> "Period":
        """The part before `on`: the day of a change belongs to the new plan."""
        return Period(self.start, min(max(on, self.start), self.end))


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Half-open range of instants `[start, end)`."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"window ends before it starts: {self.start} – {self.end}")

    @property
    def period(self) -> Period:
        """The UTC days it is counted in: from the day it starts to the day it ends, half-open."""
        return Period(utc_day(self.start), utc_day(self.end))

    def until(self, at: datetime) -> "Window":
        """The part before the instant `at`."""
        return Window(self.start, min(max(at, self.start), self.end))


def fraction(part: Period, whole: Period) -> Fraction:
    """Share of `whole` that `part` is, by UTC days. An empty whole has no parts: 0."""
    return Fraction(part.days, whole.days) if whole.days else Fraction(0)


def billing_date(anchor: date, number: int, cadence: Cadence = MONTHLY) -> date:
    """Billing date n of a subscription; number 0 is the anchor itself. `cadence` YEARLY: the boundaries of years."""
    return cadence.step(anchor, number)


def period_number(anchor: date, on: date, cadence: Cadence = MONTHLY) -> int:
    """The n with billing date n ≤ on < billing date n + 1. Negative before the anchor."""
    return cadence.number_at(anchor, on)


def billing_period(anchor: date, number: int, cadence: Cadence = MONTHLY) -> Period:
    """Billing period n: `[billing date n, billing date n + 1)`."""
    return Period(billing_date(anchor, number, cadence), billing_date(anchor, number + 1, cadence))


@lru_cache(maxsize=CACHED)
def period_of(anchor: date, on: date, cadence: Cadence = MONTHLY) -> Period:
    """The billing period a day lies in. Remembered: the customers of one day share their whole calendar."""
    return billing_period(anchor, period_number(anchor, on, cadence), cadence)


def next_billing_date(anchor: date, after: date, cadence: Cadence = MONTHLY) -> date:
    """The first billing date later than `after`."""
    return period_of(anchor, after, cadence).end


def split(anchor: date, span: Period, cadence: Cadence = MONTHLY) -> Iterator[tuple[Period, Period]]:
    """The days of `span` by billing period: pairs (part, whole), in order, without gap; none where it is empty."""
    start = span.start
    while start < span.end:
        whole = period_of(anchor, start, cadence)
        yield whole.overlap(span), whole
        start = whole.end


def calculation_instant(billing_on: date) -> datetime:
    """When the charges of a billing date are calculated: three days before, 00:00 UTC."""
    return midnight(billing_on) - CALCULATION_LEAD


def usage_windows(anchor: date, since: datetime, until: datetime) -> Iterator[tuple[Window, Window]]:
    """Pairs (cut, planned) of usage windows that cover `[since, until)`.

    A planned window runs from one calculation instant to the next; the first of a subscription starts at `since`.
    The last one is cut at `until`; `cut == planned` where it ran to its planned end.
    """
    start = since
    billing_on = next_billing_date(anchor, utc_day(since))
    while start < until:
        end = calculation_instant(billing_on)
        if end > start:
            planned = Window(start, end)
            yield planned.until(until), planned
            start = end
        billing_on = next_billing_date(anchor, billing_on)
