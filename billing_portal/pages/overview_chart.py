"""The chart of «Billing and Usage»: what the running window has come to, day by day, and where it goes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from django.utils.translation import gettext

from core import charts, formats
from core.periods import Window, midnight, utc_day
from plans.selectors.projecting import Course, Point, Projection

MICROSECOND = timedelta(microseconds=1)
FIRST_PART = Fraction(3, 10)  # of the width: further left there is no room for words before the line
NEAR = Fraction(1, 8)  # of the height: closer than that, two labels lie on each other
ABOVE, BELOW, FAR_BELOW, TICK = -10, 19, 38, -6  # units from a line down to the words that belong to it
LINE = 17  # units that a line of words needs
MIDDLE, CLEAR = -10, 12  # units from a tick's line to the middle of its letters, and how far a dot stays from there


class Label(NamedTuple):
    """Words at a place: `x` in percent of the width, `y` in units of the drawing; `anchor`: their end that is there."""

    x: str
    y: str
    text: str
    anchor: str = "start"


class Row(NamedTuple):
    """One line of the table: the day's name, and minor units."""

    name: str
    amount: int
    is_projected: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Course and projection as they are drawn. `budget`: minor units; None: none. `billing_on`: where an invoice comes.

    Of the drawing, left is the start of the window; right the billing date, or where none comes the window's end.
    """

    course: Course
    projection: Projection | None
    currency: str
    budget: int | None
    billing_on: date | None

    # --- in words -----------------------------------------------------------------------------------------------------
    @property
    def title(self) -> str:
        return gettext("Cost so far, %(window)s") % {"window": formats.window(self.course.window)}

    @property
    def summary(self) -> str:
        """One sentence that says what is drawn."""
        so_far = gettext("%(amount)s so far on %(day)s") % {
            "amount": self._money(self._last.amount),
            "day": formats.day(utc_day(self._last.at)),
        }
        return "; ".join([so_far, *self._outlook_in_words(), *self._budget_in_words()]) + "."

    def _outlook_in_words(self) -> Iterator[str]:
        ahead = self.projection
        if ahead is None:
            return
        values = {
            "total": self._money(ahead.total),
            "day": formats.day(_last_day(self.course.window)),
            "low": self._money(ahead.low),
            "high": self._money(ahead.high),
        }
        if ahead.is_certain:
            yield gettext("%(total)s projected by %(day)s") % values
        else:
            yield gettext("%(total)s projected by %(day)s, between %(low)s and %(high)s") % values

    def _budget_in_words(self) -> Iterator[str]:
        if self.budget:
            yield gettext("your budget is %(amount)s") % {"amount": self._money(self.budget)}

    @property
    def notes(self) -> list[str]:
        """When the included units of each price were used up."""
        return [
            gettext("%(name)s: the included units were used up on %(day)s.")
            % {"name": name, "day": formats.day(_day_before(at))}
            for name, at in self.course.used_up
        ]

    @property
    def rows(self) -> list[Row]:
        """The same as a table."""
        first, *others = self.course.points
        rows = [Row(gettext("At the start"), first.amount), *(Row(_day_text(point), point.amount) for point in others)]
        if self.projection:
            name = gettext("Projected for %(day)s") % {"day": formats.day(_last_day(self.course.window))}
            rows.append(Row(name, self.projection.total, is_projected=True))
        return rows

    # --- as a drawing -------------------------------------------------------------------------------------------------
    @property
    def height(self) -> int:
        return charts.LINE_HEIGHT

    @property
    def line(self) -> str:
        return charts.line(self._places)

    @property
    def area(self) -> str:
        return charts.area(self._places)

    @property
    def projected(self) -> str:
        return charts.line([self._places[-1], self._end(self.projection.total)]) if self.projection else ""

    @property
    def band(self) -> str:
        """Between quiet and busy days; nothing where both come to the same."""
        if self.projection is None or self.projection.is_certain:
            return ""
        now = self._places[-1]
        return charts.area([now, self._end(self.projection.high)], [now, self._end(self.projection.low)])

    @property
    def ticks(self) -> list[Label]:
        """Nothing, half and all of the height in money; without what the budget's label or the last point lies on."""
        shown = self._labelled
        return [
            Label(
                "0",
                charts.down(self._up(amount)),
                self._money(amount) if amount in shown and amount != self.budget else "",
            )
            for amount in (0, self._top // 2, self._top)
        ]

    @property
    def budget_line(self) -> Label | None:
        if not self.budget:
            return None
        text = gettext("Budget %(amount)s") % {"amount": self._money(self.budget)}
        return Label("0", charts.down(self._up(self.budget)), text)

    @property
    def now(self) -> Label:
        """The last point, with what it is at."""
        share, up = self._places[-1]
        return Label(charts.across(share), charts.down(up), self._money(self._last.amount), _anchor(share))

    @property
    def now_shift(self) -> int:
        """How far its label lies from it: above or below, wherever no other label is."""
        share, up = self._places[-1]
        at = self._pixels(up)
        shifts = (BELOW, ABOVE, FAR_BELOW) if share <= FIRST_PART else (ABOVE, BELOW, FAR_BELOW)
        others = [self._pixels(self._up(amount)) + TICK for amount in self._labelled]
        if self.projection:
            others.append(self._pixels(self._up(self.projection.total)) + ABOVE)
        inside = [shift for shift in shifts if at + shift < charts.LINE_HEIGHT]
        free = [shift for shift in inside if all(abs(at + shift - other) >= LINE for other in others)]
        return next(iter(free or inside), ABOVE)

    @property
    def outlook(self) -> Label | None:
        """The end of the projection."""
        if self.projection is None:
            return None
        share, up = self._end(self.projection.total)
        text = gettext("%(amount)s projected") % {"amount": self._money(self.projection.total)}
        return Label(charts.across(share), charts.down(up), text, "end")

    @property
    def calculated(self) -> Label | None:
        """Where the charges are calculated; nothing where no invoice comes."""
        if self.billing_on is None:
            return None
        end = self.course.window.end
        text = gettext("Charges calculated %(day)s") % {"day": formats.day(utc_day(end))}
        return Label(charts.across(self._across(end)), "0", text, "end")

    @property
    def marks(self) -> list[Label]:
        """Where included units were used up."""
        amounts = {point.at: point.amount for point in self.course.points}
        return [
            Label(charts.across(self._across(at)), charts.down(self._up(amounts[at])), name)
            for name, at in self.course.used_up
        ]

    @property
    def first_day(self) -> date:
        return utc_day(self.course.window.start)

    @property
    def last_day(self) -> date:
        return self.billing_on or _last_day(self.course.window)

    # --- measuring ----------------------------------------------------------------------------------------------------
    @property
    def _last(self) -> Point:
        return self.course.points[-1]

    @property
    def _labelled(self) -> list[int]:
        """What has words at the left end of its line."""
        own = [self.budget] if self.budget else []
        ticks = [each for each in (0, self._top // 2, self._top) if not self._is_under_now(each)]
        return own + [each for each in ticks if not own or abs(self._up(own[0]) - self._up(each)) >= NEAR]

    def _is_under_now(self, tick: int) -> bool:
        share, up = self._places[-1]
        return share <= FIRST_PART and abs(self._pixels(up) - self._pixels(self._up(tick)) - MIDDLE) < CLEAR

    @property
    def _top(self) -> int:
        ahead = [self.projection.high, self.projection.total] if self.projection else []
        return charts.round_top(max([*(point.amount for point in self.course.points), *ahead, self.budget or 0]))

    @property
    def _places(self) -> list[charts.Place]:
        return [(self._across(point.at), self._up(point.amount)) for point in self.course.points]

    def _end(self, amount: int) -> charts.Place:
        return self._across(self.course.window.end), self._up(amount)

    def _up(self, amount: int) -> Fraction:
        return Fraction(max(amount, 0), self._top)

    def _pixels(self, up: Fraction) -> int:
        return round((1 - up) * charts.LINE_HEIGHT)

    def _across(self, at: datetime) -> Fraction:
        start = self.course.window.start
        end = midnight(self.billing_on) if self.billing_on else self.course.window.end
        return Fraction((at - start) // MICROSECOND, (end - start) // MICROSECOND)

    def _money(self, amount: int) -> str:
        return formats.money(amount, self.currency)


def _anchor(share: Fraction) -> str:
    return "start" if share <= FIRST_PART else "end"


def _day_before(end: datetime) -> date:
    """The day that an instant ends, or that it lies in."""
    return utc_day(end - MICROSECOND)


def _last_day(window: Window) -> date:
    return _day_before(window.end)


def _day_text(point: Point) -> str:
    on = _day_before(point.at)
    return formats.day(on) if midnight(utc_day(point.at)) == point.at else formats.instant(point.at)
