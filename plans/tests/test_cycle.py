"""Which days of which fee a start, a calculation and a closing charge: maths only, no database."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.periods import Period, billing_date, calculation_instant, midnight, utc_day
from plans import cycle
from plans.fees import fee_amount, fee_lines
from plans.keys import days
from plans.pricing import CardTerms, PlanTerms

ANCHOR = date(2026, 11, 8)
COMBINATIONS = cycle.RECURRING
FIRST_DAY = datetime(2023, 12, 20, tzinfo=UTC)
instants = st.timedeltas(timedelta(0), timedelta(days=900)).map(lambda later: FIRST_DAY + later)


def card(timing="in_arrears", cadence="monthly", amount=4_900):
    return CardTerms(id=1, key="base", name="Plus", model="flat", amount=amount, timing=timing, cadence=cadence)


def terms(*cards, currency="USD"):
    return PlanTerms(id=1, key="plus", name="Plus", version=1, currency=currency, cards=cards)


def opened(starts_at, anchor_on=None):
    anchor_on = anchor_on or utc_day(starts_at)
    return cycle.Spell(anchor_on, starts_at, cycle.first_billing_date(anchor_on, starts_at))


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def charged(fees, *, of):
    """(part, whole, below zero) of the fees of one timing and cadence."""
    return [(days(fee.part), days(fee.whole), fee.unused) for fee in fees if (fee.timing, fee.cadence) == of]


def amounts(piece, *cards):
    return [(line.amount, line.detail) for line in fee_lines(42, terms(*cards), piece.fees)]


# --- worked ----------------------------------------------------------------------------------------------------------


def test_a_start_in_advance_is_due_for_the_first_period_at_once():
    start = cycle.starting_slice(opened(at("2026-11-08T10:00")))

    assert amounts(start, card("in_advance")) == [(4_900, "$49.00 × 1 month")]
    assert amounts(start, card("in_advance", "yearly", 58_800)) == [(58_800, "$588.00 × 1 year")]
    assert amounts(start, card("one_time", amount=9_900)) == [(9_900, "$99.00, once")]
    assert amounts(start, card("in_arrears"), card("in_arrears", "yearly")) == []


def test_a_calculation_charges_the_period_that_ends_in_arrears_and_the_one_that_starts_in_advance():
    piece = cycle.monthly_slice(opened(at("2026-11-08T10:00")))

    assert charged(piece.fees, of=("in_arrears", "monthly")) == [
        ("2026-11-08/2026-12-08", "2026-11-08/2026-12-08", False)
    ]
    assert charged(piece.fees, of=("in_advance", "monthly")) == [
        ("2026-12-08/2027-01-08", "2026-12-08/2027-01-08", False)
    ]
    assert amounts(piece, card("one_time")) == []


def test_a_yearly_fee_is_on_the_invoice_of_the_billing_date_that_is_its_boundary():
    spell, found = opened(at("2024-02-29T10:00")), {}
    for _ in range(49):
        found[spell.next_billing_on] = cycle.monthly_slice(spell).fees
        spell = cycle.next_spell(spell)

    advance = {on: charged(fees, of=("in_advance", "yearly")) for on, fees in found.items()}
    arrears = {on: charged(fees, of=("in_arrears", "yearly")) for on, fees in found.items()}
    assert {on: parts for on, parts in advance.items() if parts} == {
        date(2025, 2, 28): [("2025-02-28/2026-02-28", "2025-02-28/2026-02-28", False)],
        date(2026, 2, 28): [("2026-02-28/2027-02-28", "2026-02-28/2027-02-28", False)],
        date(2027, 2, 28): [("2027-02-28/2028-02-29", "2027-02-28/2028-02-29", False)],
        date(2028, 2, 29): [("2028-02-29/2029-02-28", "2028-02-29/2029-02-28", False)],
    }
    assert [on for on, parts in arrears.items() if parts] == [
        date(2025, 2, 28), date(2026, 2, 28), date(2027, 2, 28), date(2028, 2, 29)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fee", "expected"),
    [
        (card("in_arrears"), [(1_797, "$49.00 × 11 of 30 days")]),
        (card("in_advance"), [(-3_103, "−$49.00 × 19 of 30 days, not used")]),
        (card("in_arrears", "yearly", 58_800), [(1_772, "$588.00 × 11 of 365 days")]),
        (card("in_advance", "yearly", 58_800), [(-57_028, "−$588.00 × 354 of 365 days, not used")]),
        (card("one_time"), []),
        (card("in_advance", amount=0), []),
    ],
)
def test_a_closing_charges_what_was_lived_and_gives_back_what_was_not(fee, expected):
    assert amounts(cycle.closing_slice(opened(at("2026-11-08T10:00")), at("2026-11-19T16:30")), fee) == expected


def test_a_plan_that_follows_another_keeps_the_anchor_and_charges_the_rest_of_the_period():
    spell = opened(at("2026-11-19T16:30"), ANCHOR)

    assert amounts(cycle.starting_slice(spell), card("in_advance", amount=9_900)) == [(6_270, "$99.00 × 19 of 30 days")]
    assert amounts(cycle.monthly_slice(spell), card("in_arrears", amount=9_900)) == [(6_270, "$99.00 × 19 of 30 days")]
    assert amounts(cycle.starting_slice(spell), card("in_advance", "yearly", 58_800)) == [
        (57_028, "$588.00 × 354 of 365 days")
    ]


@pytest.mark.parametrize(
    ("starts_at", "first", "parts"),
    [
        ("2026-12-04T23:59", date(2026, 12, 8), ["2026-12-04/2026-12-08"]),
        ("2026-12-05T00:00", date(2027, 1, 8), ["2026-12-05/2026-12-08", "2026-12-08/2027-01-08"]),
        ("2026-12-06T09:00", date(2027, 1, 8), ["2026-12-06/2026-12-08", "2026-12-08/2027-01-08"]),
        ("2026-12-08T00:00", date(2027, 1, 8), ["2026-12-08/2027-01-08"]),
    ],
)
def test_a_spell_that_starts_after_the_calculation_of_a_billing_date_goes_on_the_next_one(starts_at, first, parts):
    spell = opened(at(starts_at), ANCHOR)
    assert spell.next_billing_on == first
    for timing, piece in [("in_arrears", cycle.monthly_slice(spell)), ("in_advance", cycle.starting_slice(spell))]:
        assert [part for part, _, _ in charged(piece.fees, of=(timing, "monthly"))] == parts


def test_a_subscription_of_20_october_is_billed_as_the_calendar_says():
    spell, found = opened(at("2026-10-20T10:00")), []
    for _ in range(2):
        piece = cycle.monthly_slice(spell)
        [(window, _planned)] = piece.windows
        fees = [part for combination in COMBINATIONS for part, _, _ in charged(piece.fees, of=combination)]
        found.append((spell.next_billing_on, fees, window.start, window.end))
        spell = cycle.next_spell(spell)

    assert found == [
        (
            date(2026, 11, 20),
            ["2026-10-20/2026-11-20", "2026-11-20/2026-12-20"],
            at("2026-10-20T10:00"),
            at("2026-11-17T00:00"),
        ),
        (
            date(2026, 12, 20),
            ["2026-11-20/2026-12-20", "2026-12-20/2027-01-20"],
            at("2026-11-17T00:00"),
            at("2026-12-17T00:00"),
        ),
    ]


def test_a_start_in_the_last_three_days_is_calculated_with_the_next_period():
    spell = opened(at("2026-12-06T09:00"), ANCHOR)
    piece = cycle.monthly_slice(spell)

    assert charged(piece.fees, of=("in_arrears", "monthly")) == [
        ("2026-12-06/2026-12-08", "2026-11-08/2026-12-08", False),
        ("2026-12-08/2027-01-08", "2026-12-08/2027-01-08", False),
    ]
    assert charged(cycle.starting_slice(spell).fees, of=("in_advance", "monthly")) == [
        ("2026-12-06/2026-12-08", "2026-11-08/2026-12-08", False),
        ("2026-12-08/2027-01-08", "2026-12-08/2027-01-08", False),
    ]
    assert [days(cut.period) for cut, _planned in piece.windows] == ["2026-12-06/2027-01-05"]


def test_a_start_in_the_last_three_days_before_a_year_begins_pays_the_next_year_too():
    spell = opened(at("2027-11-06T09:00"), ANCHOR)

    assert charged(cycle.starting_slice(spell).fees, of=("in_advance", "yearly")) == [
        ("2027-11-06/2027-11-08", "2026-11-08/2027-11-08", False),
        ("2027-11-08/2028-11-08", "2027-11-08/2028-11-08", False),
    ]
    assert charged(cycle.monthly_slice(spell).fees, of=("in_arrears", "yearly")) == [
        ("2027-11-06/2027-11-08", "2026-11-08/2027-11-08", False)
    ]


def test_a_closing_after_a_billing_date_that_was_not_calculated_charges_in_advance_until_its_day():
    closing = cycle.closing_slice(opened(at("2026-11-08T10:00")), at("2026-12-10T08:00"))

    assert charged(closing.fees, of=("in_advance", "monthly")) == [
        ("2026-12-08/2026-12-10", "2026-12-08/2027-01-08", False)
    ]


def test_a_version_that_goes_on_does_not_charge_a_one_time_fee_again():
    assert amounts(cycle.starting_slice(opened(at("2026-11-08T10:00")), one_time=False), card("one_time")) == []


def test_weeks_of_downtime_are_caught_up_period_by_period():
    """The calculations that were missed are the ones that would have been made, in order."""
    spell, missed = opened(at("2026-10-31T10:00")), []
    while calculation_instant(spell.next_billing_on) <= at("2027-03-15T00:00"):
        missed.append((spell.next_billing_on, charged(cycle.monthly_slice(spell).fees, of=("in_advance", "monthly"))))
        spell = cycle.next_spell(spell)

    assert [(on, part) for on, [(part, _, _)] in missed] == [
        (date(2026, 11, 30), "2026-11-30/2026-12-31"),
        (date(2026, 12, 31), "2026-12-31/2027-01-31"),
        (date(2027, 1, 31), "2027-01-31/2027-02-28"),
        (date(2027, 2, 28), "2027-02-28/2027-03-31"),
    ]


def test_a_line_given_back_has_a_key_and_a_title_of_its_own():
    spell = opened(at("2026-11-08T10:00"))
    [first] = fee_lines(42, terms(card("in_advance")), cycle.starting_slice(spell).fees)
    [back] = fee_lines(42, terms(card("in_advance")), cycle.closing_slice(spell, at("2026-11-08T12:00")).fees)

    assert (first.key, first.title) == ("subscription:42:fee:base:2026-11-08/2026-12-08", "Plus")
    assert (back.key, back.title) == ("subscription:42:unused:base:2026-11-08/2026-12-08", "Plus (unused)")
    assert first.amount + back.amount == 0
    assert (back.explain["unused"], back.explain["timing"], back.explain["cadence"]) == (True, "in_advance", "monthly")


# --- for any dates ---------------------------------------------------------------------------------------------------


def lives(changes, calculations):
    """Spells on one anchor, each with the fees charged for it when `calculations` of its billing dates were made."""
    anchor_on = utc_day(changes[0])
    for (starts_at, ends_at), made in zip(pairwise(changes), calculations, strict=False):
        spell = opened(starts_at, anchor_on)
        fees = [*cycle.starting_slice(spell).fees]
        while made and spell.next_billing_on <= utc_day(ends_at):
            fees += cycle.monthly_slice(spell).fees
            spell, made = cycle.next_spell(spell), made - 1
        yield Period(utc_day(starts_at), utc_day(ends_at)), [*fees, *cycle.closing_slice(spell, ends_at).fees]


histories = st.lists(instants, min_size=2, max_size=7).map(sorted)
calculations = st.lists(st.integers(0, 40), min_size=6, max_size=6)


@settings(max_examples=30, deadline=None)
@given(changes=histories, made=calculations)
def test_every_day_is_charged_exactly_once_over_any_sequence_of_changes(changes, made):
    """By the plan of its last change, in advance and in arrears, monthly and yearly, however much was calculated."""
    for lived, fees in lives(changes, made):
        for combination in COMBINATIONS:
            balance = Counter()
            for fee in fees:
                if (fee.timing, fee.cadence) == combination:
                    for number in range(fee.part.days):
                        balance[fee.part.start + timedelta(days=number)] += -1 if fee.unused else 1
            expected = {lived.start + timedelta(days=number): 1 for number in range(lived.days)}
            assert {on: net for on, net in balance.items() if net} == expected


@settings(max_examples=30, deadline=None)
@given(changes=histories, made=calculations, amount=st.integers(0, 10**9), combination=st.sampled_from(COMBINATIONS))
def test_splitting_time_anywhere_loses_no_cent(changes, made, amount, combination):
    """The same price before and after every change costs what it costs without any."""
    [(_, whole)] = lives([changes[0], changes[-1]], [0])
    split = [fee for _, fees in lives(changes, made) for fee in fees]

    def total(fees):
        return sum(fee_amount(amount, fee) for fee in fees if (fee.timing, fee.cadence) == combination)

    assert total(split) == total(whole)


@settings(max_examples=30, deadline=None)
@given(changes=histories, made=calculations)
def test_what_is_given_back_names_the_line_that_charged_it(changes, made):
    fees_of_both = [CardTerms(id=1, key="month", name="Month", model="flat", amount=100, timing="in_advance"),
                    CardTerms(id=2, key="year", name="Year", model="flat", amount=900, timing="in_advance",
                              cadence="yearly")]  # fmt: skip
    for _, fees in lives(changes, made):
        lines = list(fee_lines(42, terms(*fees_of_both), fees))
        keys = [line.key for line in lines]
        assert len(set(keys)) == len(keys)
        assert {line.corrects for line in lines if line.amount < 0} <= {line.key for line in lines if line.amount > 0}


@settings(max_examples=30, deadline=None)
@given(starts_at=instants, later=st.timedeltas(timedelta(0), timedelta(days=400)), price=st.integers(0, 10**9))
def test_up_then_down_at_the_same_instant_nets_to_zero(starts_at, later, price):
    """What the short visit charges it gives back; and going back to the old plan charges what leaving it gave back."""
    again = opened(starts_at + later, utc_day(starts_at))
    spell = replace(opened(starts_at), next_billing_on=again.next_billing_on)  # calculated as far as it can be
    for combination in COMBINATIONS:

        def total(piece, of=combination):
            return sum(fee_amount(price, fee) for fee in piece.fees if (fee.timing, fee.cadence) == of)

        assert total(cycle.starting_slice(again)) + total(cycle.closing_slice(again, again.starts_at)) == 0
        if combination[0] == "in_advance":
            assert total(cycle.closing_slice(spell, again.starts_at)) + total(cycle.starting_slice(again)) == 0


@given(anchor_on=st.dates(date(2024, 1, 1), date(2030, 12, 31)), later=st.timedeltas(timedelta(0), timedelta(days=800)))
def test_the_first_billing_date_is_the_first_that_can_still_be_calculated(anchor_on, later):
    starts_at = midnight(anchor_on) + later
    first = cycle.first_billing_date(anchor_on, starts_at)
    dates = [billing_date(anchor_on, number) for number in range(32)]
    assert first == min(on for on in dates if calculation_instant(on) > starts_at and on > utc_day(starts_at))


def monthly(piece):
    """The monthly fees in arrears of a slice."""
    return [fee for fee in piece.fees if (fee.timing, fee.cadence) == ("in_arrears", "monthly")]


@given(starts_at=instants, months=st.integers(1, 30))
def test_its_monthly_slices_follow_each_other_without_gap_or_overlap(starts_at, months):
    spell, slices = opened(starts_at), []
    for _ in range(months):
        slices.append(cycle.monthly_slice(spell))
        spell = cycle.next_spell(spell)

    windows = [cut for piece in slices for cut, _planned in piece.windows]
    fees = [fee for piece in slices for fee in monthly(piece)]
    assert windows[0].start == starts_at
    assert all(one.end == two.start for one, two in pairwise(windows))
    assert [fee.part for fee in fees] == [fee.whole for fee in fees]
    assert [fee.part.start for fee in fees] == [billing_date(starts_at.date(), number) for number in range(months)]


@given(starts_at=instants, months=st.integers(0, 14), later=st.timedeltas(timedelta(0), timedelta(days=80)))
def test_a_closing_bills_exactly_what_the_calculations_did_not(starts_at, months, later):
    """However many months were calculated before: together every instant and every day once."""
    spell, windows, parts = opened(starts_at), [], []
    for _ in range(months):
        piece = cycle.monthly_slice(spell)
        windows += [cut for cut, _planned in piece.windows]
        parts += [fee.part for fee in monthly(piece)]
        spell = cycle.next_spell(spell)
    ends_at = max(midnight(billing_date(spell.anchor_on, months)), starts_at) + later

    closing = cycle.closing_slice(spell, ends_at)
    windows += [cut for cut, _planned in closing.windows]
    parts += [fee.part for fee in monthly(closing)]

    assert sum((one.end - one.start for one in windows), timedelta(0)) == ends_at - starts_at
    assert all(one.end == two.start for one, two in pairwise(windows))
    assert sum(part.days for part in parts) == (ends_at.date() - starts_at.date()).days
    assert all(one.end == two.start for one, two in pairwise(parts))


@given(starts_at=instants, months=st.integers(1, 14), later=st.timedeltas(timedelta(0), timedelta(days=3)))
def test_a_closing_after_a_discarded_draft_covers_what_the_draft_did(starts_at, months, later):
    """In the last three days: rewound to the draft's billing date, as if it had never been calculated."""
    spell = opened(starts_at)
    for _ in range(months - 1):
        spell = cycle.next_spell(spell)
    drafted = cycle.monthly_slice(spell)
    ends_at = drafted.windows[0][0].end + later

    closing = cycle.closing_slice(spell, ends_at)

    assert closing.windows[0] == drafted.windows[0]
    assert closing.windows[-1][0].end == ends_at
    assert monthly(closing)[0].whole == monthly(drafted)[0].whole
