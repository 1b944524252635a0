"""PURE: which fees and which usage a calculation, a closing or a preview has to look at.

A subscription is described by its anchor, its start and the billing date whose charges are not yet calculated;
everything else of its calendar follows from these (mission: anchor, never the previous date).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from core.periods import (
    Period,
    Window,
    billing_date,
    billing_period,
    calculation_instant,
    next_billing_date,
    period_number,
    usage_windows,
    utc_day,
)
from plans.charges import FeeFacts


@dataclass(frozen=True, slots=True)
class Spell:
    """One subscription's dates. `next_billing_on`: the first billing date whose charges are not yet calculated."""

    anchor_on: date
    starts_at: datetime
    next_billing_on: date


@dataclass(frozen=True, slots=True)
class Slice:
    """What to charge of a spell: fees, and pairs (cut, planned) of usage windows."""

    fees: tuple[FeeFacts, ...]
    windows: tuple[tuple[Window, Window], ...]


def window_start(spell: Spell) -> datetime:
    """Usage before this is calculated: the calculation instant before the next one, but never before the spell."""
    previous = billing_date(spell.anchor_on, period_number(spell.anchor_on, spell.next_billing_on) - 1)
    return max(spell.starts_at, calculation_instant(previous))


def first_billing_date(anchor_on: date, starts_at: datetime) -> date:
    """The billing date that ends the period a spell starts in."""
    return next_billing_date(anchor_on, utc_day(starts_at))


def next_spell(spell: Spell) -> Spell:
    """The same spell when the charges of its next billing date are calculated."""
    return replace(spell, next_billing_on=next_billing_date(spell.anchor_on, spell.next_billing_on))


def monthly_slice(spell: Spell) -> Slice:
    """What the invoice of the next billing date has: the usage window that ends at its calculation instant, and the
    fees in arrears of the period that ends on it."""
    window = Window(window_start(spell), calculation_instant(spell.next_billing_on))
    return Slice(fees=tuple(_fees(spell, spell.next_billing_on)), windows=((window, window),))


def closing_slice(spell: Spell, at: datetime) -> Slice:
    """What is left to bill when the spell ends at `at`: usage up to that instant, fees up to that UTC day."""
    windows = tuple(usage_windows(spell.anchor_on, window_start(spell), at))
    return Slice(fees=tuple(_fees(spell, utc_day(at))), windows=windows)


def unbilled_period(spell: Spell, until: date) -> Period:
    """The days a closing invoice speaks for: from the first day without a calculated fee until this day."""
    number = period_number(spell.anchor_on, spell.next_billing_on) - 1
    start = max(billing_date(spell.anchor_on, number), utc_day(spell.starts_at))
    return Period(min(start, until), until)


def _fees(spell: Spell, until: date) -> Iterator[FeeFacts]:
    """The days before `until` of every billing period whose fee is not calculated, never before the spell."""
    number = period_number(spell.anchor_on, spell.next_billing_on) - 1
    lived = Period(utc_day(spell.starts_at), max(until, utc_day(spell.starts_at)))
    while (whole := billing_period(spell.anchor_on, number)).start < until:
        yield FeeFacts(part=whole.overlap(lived), whole=whole)
        number += 1
