"""Regular steps through the calendar, always counted from the anchor and never from the step before.

A month later is the same day of the next month, clamped to its end: 31 Jan → 29 Feb → 31 Mar. So an anchor on the
31st comes back to the 31st, and a yearly one on 29 Feb comes back to it in every leap year.
See docs/algorithms/calendar.md.
"""

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

Moment = TypeVar("Moment", date, datetime)

SECONDS_PER_DAY = 86_400
SECONDS_PER_AVERAGE_MONTH = 2_629_746  # 400 years have 146,097 days; only a first guess, never a result
MONTH_LENGTHS = (28, 29, 30, 31)


@dataclass(frozen=True, slots=True)
class Cadence:
    """One step: so many months, then so many days and seconds. None of them is negative (ValueError)."""

    months: int = 0
    days: int = 0
    seconds: int = 0

    def __post_init__(self) -> None:
        if min(self.months, self.days, self.seconds) < 0:
            raise ValueError(f"a cadence goes forward: {self}")

    def step(self, anchor: Moment, number: int = 1) -> Moment:
        """The anchor plus `number` steps; number 0 is the anchor itself, negative ones lie before it."""
        moved = add_months(anchor, self.months * number)
        return moved + timedelta(days=self.days * number, seconds=self.seconds * number)

    def number_at(self, anchor: Moment, at: Moment) -> int:
        """The n with step n ≤ at < step n + 1; negative before the anchor. A step of nothing is a ValueError."""
        number = (at - anchor) // self._average()
        while self.step(anchor, number) > at:
            number -= 1
        while self.step(anchor, number + 1) <= at:
            number += 1
        return number

    def next(self, anchor: Moment, at: Moment, *, inclusive: bool = False) -> Moment:
        """The first step later than `at`; `at` itself where it is a step and `inclusive`."""
        latest = self.step(anchor, number := self.number_at(anchor, at))
        return latest if inclusive and latest == at else self.step(anchor, number + 1)

    def previous(self, anchor: Moment, at: Moment, *, inclusive: bool = False) -> Moment:
        """The last step earlier than `at`; `at` itself where it is a step and `inclusive`."""
        latest = self.step(anchor, number := self.number_at(anchor, at))
        return self.step(anchor, number - 1) if latest == at and not inclusive else latest

    def divides(self, longer: "Cadence") -> bool:
        """Whether every step of `longer` ends on a step of this one, however long its months are."""
        lengths = [(longer.in_seconds(days), self.in_seconds(days)) for days in MONTH_LENGTHS]
        return all(whole and part and whole % part == 0 for whole, part in lengths)

    def in_seconds(self, days_in_month: int) -> int:
        """Its length if every month had so many days."""
        return (self.months * days_in_month + self.days) * SECONDS_PER_DAY + self.seconds

    def _average(self) -> timedelta:
        length = self.months * SECONDS_PER_AVERAGE_MONTH + self.days * SECONDS_PER_DAY + self.seconds
        if not length:
            raise ValueError("a cadence of nothing has no steps")
        return timedelta(seconds=length)


MONTHLY = Cadence(months=1)
YEARLY = Cadence(months=12)


def add_months(anchor: Moment, months: int) -> Moment:
    """Anchor plus a number of months, clamped to the end of the month; a time of day stays."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    day = min(anchor.day, calendar.monthrange(year, month + 1)[1])
    return anchor.replace(year=year, month=month + 1, day=day)
