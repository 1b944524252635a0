from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cadence import MONTHLY, YEARLY, Cadence, add_months

DAYS = st.dates(date(1990, 1, 1), date(2090, 1, 1))
CADENCES = st.builds(Cadence, st.integers(0, 30), st.integers(0, 400)).filter(lambda each: each.months or each.days)


@pytest.mark.parametrize(
    ("anchor", "months", "expected"),
    [
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2023, 1, 31), 1, date(2023, 2, 28)),
        (date(2024, 3, 31), -1, date(2024, 2, 29)),
        (date(2024, 1, 15), -13, date(2022, 12, 15)),
        (datetime(2024, 10, 31, 15, 30, tzinfo=UTC), 1, datetime(2024, 11, 30, 15, 30, tzinfo=UTC)),
    ],
)
def test_it_adds_months_up_to_the_end_of_the_month(anchor, months, expected):
    assert add_months(anchor, months) == expected


@pytest.mark.parametrize(
    ("year", "expected"), [(2024, 29), (2025, 28), (2026, 28), (2027, 28), (2028, 29), (2100, 28), (2104, 29)]
)
def test_a_yearly_anchor_on_the_29th_returns_to_it_in_leap_years(year, expected):
    assert YEARLY.step(date(2024, 2, 29), year - 2024) == date(year, 2, expected)


@given(anchor=DAYS, cadence=CADENCES, on=DAYS)
def test_every_day_lies_between_two_steps_that_count_from_the_anchor(anchor, cadence, on):
    number = cadence.number_at(anchor, on)
    assert cadence.step(anchor, number) <= on < cadence.step(anchor, number + 1)
    assert cadence.previous(anchor, on, inclusive=True) <= on < cadence.next(anchor, on)
    assert cadence.previous(anchor, on) < on <= cadence.next(anchor, on, inclusive=True)


@given(anchor=DAYS, number=st.integers(-60, 60))
def test_every_yearly_boundary_is_a_billing_date(anchor, number):
    assert YEARLY.step(anchor, number) == MONTHLY.step(anchor, 12 * number)
    assert MONTHLY.divides(YEARLY)


@given(anchor=DAYS, number=st.integers(0, 400), seconds=st.integers(1, 10**7))
def test_it_finds_the_step_of_an_instant(anchor, number, seconds):
    start, cadence = datetime(anchor.year, anchor.month, anchor.day, tzinfo=UTC), Cadence(seconds=seconds)
    at = start + timedelta(seconds=seconds * number)
    assert cadence.number_at(start, at) == number
    assert cadence.number_at(start, at - timedelta(microseconds=1)) == number - 1


def test_it_refuses_steps_that_lead_nowhere():
    with pytest.raises(ValueError, match="forward"):
        Cadence(months=-1)
    with pytest.raises(ValueError, match="no steps"):
        Cadence().number_at(date(2024, 1, 1), date(2024, 1, 2))
