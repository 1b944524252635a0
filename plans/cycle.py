"""PURE: which fees and which usage a calculation, a closing or a preview has to look at (docs/algorithms/calendar.md).

A subscription is described by its anchor, its start and the billing date whose charges are not yet calculated;
everything else of its calendar follows from these, also which days of a fee are charged already: a slice of time
charges the difference, and gives back what was charged too much. So every day is charged exactly once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from core.cadence import MONTHLY, YEARLY, Cadence
from core.periods import (
    Period,
    Window,
    calculation_instant,
    next_billing_date,
    period_of,
    split,
    usage_windows,
    utc_day,
)
from plans.fees import FeeFacts
from plans.pricing import CadenceName, Timing

ONE_DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
CADENCES: dict[CadenceName, Cadence] = {"monthly": MONTHLY, "yearly": YEARLY}
RECURRING: tuple[tuple[Timing, CadenceName], ...] = (
    ("in_arrears", "monthly"),
    ("in_arrears", "yearly"),
    ("in_advance", "monthly"),
    ("in_advance", "yearly"),
)


@dataclass(frozen=True, slots=True)
class Spell:
    """One subscription's dates. `next_billing_on`: the first billing date whose charges are not yet calculated."""

    anchor_on: date
    starts_at: datetime
    next_billing_on: date

    @property
    def starts_on(self) -> date:
        return utc_day(self.starts_at)


@dataclass(frozen=True, slots=True)
class Slice:
    """What to charge of a spell: fees, and pairs (cut, planned) of usage windows."""

    fees: tuple[FeeFacts, ...]
    windows: tuple[tuple[Window, Window], ...]


def first_billing_date(anchor_on: date, starts_at: datetime) -> date:
    """The first billing date a spell is calculated for.

    It ends the period the spell starts in; a spell that starts when that date is calculated already – it follows
    another one and keeps its anchor – goes on the date after, with the days of both periods.
    """
    billing_on = next_billing_date(anchor_on, utc_day(starts_at))
    if calculation_instant(billing_on) > starts_at:
        return billing_on
    return next_billing_date(anchor_on, billing_on)


def window_start(spell: Spell) -> datetime:
    """Usage before this is calculated: the calculation instant before the next one, but never before the spell."""
    return max(spell.starts_at, calculation_instant(_previous_billing_date(spell)))


def next_spell(spell: Spell) -> Spell:
    """The same spell when the charges of its next billing date are calculated."""
    return replace(spell, next_billing_on=next_billing_date(spell.anchor_on, spell.next_billing_on))


def starting_slice(spell: Spell, *, one_time: bool = True) -> Slice:
    """What is due at once when a spell starts: fees in advance up to its first billing date, and one-time fees.

    `one_time` False: for a spell that only goes on with another version of its plan.
    """
    day = Period(spell.starts_on, spell.starts_on + ONE_DAY)
    once = (FeeFacts(day, day, "one_time"),) if one_time else ()
    advance = (
        fee
        for cadence in CADENCES
        for fee in _fees(spell, "in_advance", cadence, spell.starts_on, charged_until(spell, "in_advance", cadence))
    )
    return Slice(fees=(*once, *advance), windows=())


def monthly_slice(spell: Spell) -> Slice:
    """What the invoice of the next billing date has: the usage window that ends at its calculation instant, the fees
    in arrears of the periods that end on it, and the fees in advance of those that start on it."""
    window = Window(window_start(spell), calculation_instant(spell.next_billing_on))
    following = next_spell(spell)
    fees = (
        fee
        for timing, cadence in RECURRING
        for fee in _fees(
            spell, timing, cadence, charged_until(spell, timing, cadence), charged_until(following, timing, cadence)
        )
    )
    return Slice(fees=tuple(fees), windows=((window, window),))


def closing_slice(spell: Spell, at: datetime) -> Slice:
    """What is left to bill when the spell ends at `at`: usage up to that instant, fees up to that UTC day, and below
    zero the days from then on that were charged in advance."""
    windows = tuple(usage_windows(spell.anchor_on, window_start(spell), at))
    until = max(utc_day(at), spell.starts_on)
    fees = (
        fee
        for timing, cadence in RECURRING
        for fee in _fees(spell, timing, cadence, charged_until(spell, timing, cadence), until)
    )
    return Slice(fees=tuple(fees), windows=windows)


def charged_until(spell: Spell, timing: Timing, cadence: CadenceName) -> date:
    """The first day whose fee is not charged by the start and the calculations so far.

    In arrears: periods that ended by the last calculated billing date. In advance: periods that began by then.
    """
    step = CADENCES[cadence]
    if timing == "in_advance":
        return period_of(spell.anchor_on, spell.next_billing_on - ONE_DAY, step).end
    if spell.next_billing_on <= first_billing_date(spell.anchor_on, spell.starts_at):
        return spell.starts_on
    return max(spell.starts_on, period_of(spell.anchor_on, _previous_billing_date(spell), step).start)


def begun_windows(spell: Spell, at: datetime) -> tuple[Window, ...]:
    """The planned usage windows that are not calculated yet and have begun at `at`: the last one still runs."""
    pairs = usage_windows(spell.anchor_on, window_start(spell), at + MICROSECOND)
    return tuple(planned for _cut, planned in pairs)


def unbilled_period(spell: Spell, until: date) -> Period:
    """The days a closing invoice speaks for: from the first day without a calculated fee until this day."""
    start = charged_until(spell, "in_arrears", "monthly")
    return Period(min(start, until), until)


def _previous_billing_date(spell: Spell) -> date:
    return period_of(spell.anchor_on, spell.next_billing_on - ONE_DAY).start


def _fees(spell: Spell, timing: Timing, cadence: CadenceName, charged: date, until: date) -> Iterator[FeeFacts]:
    """The days from `charged` until `until` by period; given back where they lie the other way round."""
    span = Period(min(charged, until), max(charged, until))
    for part, whole in split(spell.anchor_on, span, CADENCES[cadence]):
        if until < charged:
            before = Period(max(whole.start, spell.starts_on), whole.end)
            yield FeeFacts(part, whole, timing, cadence, unused=True, charged=before)
        else:
            yield FeeFacts(part, whole, timing, cadence)
