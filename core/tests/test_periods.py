from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.periods import (
    Period,
    Window,
    billing_date,
    billing_period,
    calculation_instant,
    fraction,
    midnight,
    next_billing_date,
    period_number,
    usage_windows,
)

DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@pytest.mark.parametrize(
    ("anchor", "number", "expected"),
    [
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2023, 1, 31), 1, date(2023, 2, 28)),
        (date(2024, 1, 31), 2, date(2024, 3, 31)),
        (date(2024, 1, 30), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2024, 11, 30), 3, date(2025, 2, 28)),
        (date(2024, 5, 15), 0, date(2024, 5, 15)),
    ],
)
def test_billing_dates_count_from_the_anchor(anchor, number, expected):
    assert billing_date(anchor, number) == expected


@given(DAYS, st.integers(0, 600))
def test_every_day_lies_in_exactly_one_billing_period(anchor, days):
    on = anchor + timedelta(days=days)
    number = period_number(anchor, on)
    period = billing_period(anchor, number)
    assert period.start <= on < period.end
    assert billing_period(anchor, number + 1).start == period.end
    assert next_billing_date(anchor, on) == period.end


def test_charges_are_calculated_three_days_before_at_midnight_utc():
    assert calculation_instant(date(2026, 12, 20)) == datetime(2026, 12, 17, tzinfo=UTC)


def test_the_day_of_a_change_belongs_to_the_new_part():
    whole = Period(date(2026, 11, 8), date(2026, 12, 8))
    old = whole.until(date(2026, 11, 19))
    assert (old.days, whole.days) == (11, 30)
    assert fraction(old, whole) == Fraction(11, 30)


def test_an_empty_whole_has_no_parts():
    day = Period(date(2026, 1, 1), date(2026, 1, 1))
    assert fraction(day, day) == 0


def test_a_period_never_ends_before_it_starts():
    with pytest.raises(ValueError, match="ends before"):
        Period(date(2026, 1, 2), date(2026, 1, 1))
    with pytest.raises(ValueError, match="ends before"):
        Window(midnight(date(2026, 1, 2)), midnight(date(2026, 1, 1)))


def test_overlap_is_half_open():
    january = Period(date(2026, 1, 1), date(2026, 2, 1))
    assert january.overlap(Period(date(2026, 2, 1), date(2026, 3, 1))).days == 0
    assert january.overlap(Period(date(2026, 1, 31), date(2026, 3, 1))).days == 1


def test_the_first_window_runs_from_the_subscription_to_the_first_calculation():
    start = datetime(2026, 10, 20, 10, tzinfo=UTC)
    windows = list(usage_windows(date(2026, 10, 20), start, datetime(2026, 12, 18, tzinfo=UTC)))
    assert [cut for cut, _ in windows] == [
        Window(start, datetime(2026, 11, 17, tzinfo=UTC)),
        Window(datetime(2026, 11, 17, tzinfo=UTC), datetime(2026, 12, 17, tzinfo=UTC)),
        Window(datetime(2026, 12, 17, tzinfo=UTC), datetime(2026, 12, 18, tzinfo=UTC)),
    ]
    assert [cut == planned for cut, planned in windows] == [True, True, False]


@given(DAYS, st.integers(0, 86_399), st.integers(0, 400), st.integers(0, 86_399))
def test_windows_cover_a_span_without_gap_or_overlap(anchor, second, days, last_second):
    since = midnight(anchor) + timedelta(seconds=second)
    until = midnight(anchor) + timedelta(days=days, seconds=last_second)
    windows = list(usage_windows(anchor, since, until))
    if until <= since:
        assert windows == []
        return
    assert windows[0][0].start == since
    assert windows[-1][0].end == until
    for (earlier, planned), (later, _) in pairwise(windows):
        assert earlier.end == later.start == planned.end
        assert earlier == planned
