"""What some days of a period cost: maths only, no database."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.periods import Period
from invoices.giving_back import Standing
from plans.explain import derived_amount, explain
from plans.fees import FeeFacts, fee_lines
from plans.pricing import CardTerms, PlanTerms
from plans.proration import cap_credit, prorate, unused_share

NOVEMBER = Period(date(2026, 11, 8), date(2026, 12, 8))
OCTOBER = Period(date(2026, 10, 20), date(2026, 11, 20))
YEAR = Period(date(2026, 3, 8), date(2027, 3, 8))
LEAP_YEAR = Period(date(2027, 3, 8), date(2028, 3, 8))
AMOUNTS = st.integers(0, 10**12)


@pytest.mark.parametrize(
    ("amount", "whole", "start", "end", "expected"),
    [
        (4_900, NOVEMBER, date(2026, 11, 8), date(2026, 11, 19), 1_797),
        (4_900, NOVEMBER, date(2026, 11, 19), date(2026, 12, 8), 3_103),
        (4_900, OCTOBER, date(2026, 10, 20), date(2026, 10, 31), 1_739),
        (4_900, NOVEMBER, date(2026, 11, 8), date(2026, 11, 8), 0),
        (100, NOVEMBER, date(2026, 11, 8), date(2026, 11, 18), 33),
        (100, NOVEMBER, date(2026, 11, 18), date(2026, 11, 28), 34),
        (100, NOVEMBER, date(2026, 11, 28), date(2026, 12, 8), 33),
        (1_000, NOVEMBER, date(2026, 11, 8), date(2026, 11, 19), 367),  # ¥1,000
        (1_000, NOVEMBER, date(2026, 11, 19), date(2026, 12, 8), 633),
        (10_000, NOVEMBER, date(2026, 11, 8), date(2026, 11, 19), 3_667),  # KWD 10.000
        (10_000, NOVEMBER, date(2026, 11, 19), date(2026, 12, 8), 6_333),
        (58_800, YEAR, date(2026, 3, 8), date(2026, 6, 19), 16_593),  # 103 of 365 days
        (58_800, YEAR, date(2026, 6, 19), date(2027, 3, 8), 42_207),
        (58_800, LEAP_YEAR, date(2027, 3, 8), date(2027, 6, 19), 16_548),  # 103 of 366 days
        (1, NOVEMBER, date(2026, 11, 8), date(2026, 11, 22), 0),
        (1, NOVEMBER, date(2026, 11, 8), date(2026, 11, 23), 1),  # half a cent goes away from zero
        (999, Period(date(2024, 4, 1), date(2024, 5, 1)), date(2024, 4, 1), date(2024, 4, 16), 500),  # 499.5, no float
    ],
)
def test_it_costs_the_days_before_its_end_less_the_days_before_its_start(amount, whole, start, end, expected):
    assert prorate(amount, Period(start, end), whole) == expected


@pytest.mark.parametrize(
    "part", [Period(date(2026, 11, 7), date(2026, 11, 9)), Period(date(2026, 12, 7), date(2026, 12, 9))]
)
def test_it_refuses_days_outside_of_the_period(part):
    with pytest.raises(ValueError, match="not inside"):
        prorate(4_900, part, NOVEMBER)


@pytest.mark.parametrize(
    ("given_back", "expected"), [(0, 3_103), (1_000, 3_103), (1_797, 3_103), (3_000, 1_900), (4_900, 0), (6_000, 0)]
)
def test_it_never_gives_back_more_than_is_left_of_what_was_charged(given_back, expected):
    assert unused_share(4_900, Period(date(2026, 11, 19), date(2026, 12, 8)), NOVEMBER, given_back) == expected


def test_a_credit_is_never_below_nothing():
    assert cap_credit(-50, 200, 50) == 0


@given(amount=AMOUNTS, length=st.integers(1, 366), cuts=st.lists(st.integers(0, 366), max_size=12))
def test_the_parts_of_a_period_sum_to_its_fee(amount, length, cuts):
    whole = Period(NOVEMBER.start, NOVEMBER.start + timedelta(days=length))
    days = sorted({0, length, *(cut for cut in cuts if cut < length)})
    parts = [
        Period(whole.start + timedelta(days=one), whole.start + timedelta(days=two)) for one, two in pairwise(days)
    ]
    assert sum(prorate(amount, part, whole) for part in parts) == amount
    assert all(prorate(amount, part, whole) >= 0 for part in parts)


@given(amount=AMOUNTS, length=st.integers(1, 366), used=st.integers(0, 366))
def test_what_is_given_back_is_what_was_charged_less_what_was_used(amount, length, used):
    whole = Period(NOVEMBER.start, NOVEMBER.start + timedelta(days=length))
    on = whole.start + timedelta(days=min(used, length))
    assert amount - unused_share(amount, Period(on, whole.end), whole) == prorate(amount, whole.until(on), whole)


def unused_lines(amount, on, whole, left):
    """The days from `on` of a fee in advance, of which so much is left."""
    card = CardTerms(id=1, key="base", name="Base", model="flat", amount=amount, timing="in_advance")
    fee = FeeFacts(Period(on, whole.end), whole, "in_advance", unused=True, charged=whole)
    terms = PlanTerms(1, "plus", "Plus", 1, "USD", (card,))
    key = f"subscription:42:fee:base:{whole.start}/{whole.end}"
    return list(fee_lines(42, terms, [fee], {key: Standing(amount, left)}))


@pytest.mark.parametrize(
    ("stands", "lines"), [(4_900, [-3_103]), (3_900, [-3_103]), (3_103, [-3_103]), (1_900, [-1_900]), (0, [])]
)
def test_unused_days_give_back_what_stands_at_most(stands, lines):
    assert [line.amount for line in unused_lines(4_900, date(2026, 11, 19), NOVEMBER, stands)] == lines


@given(AMOUNTS, st.integers(0, 29), st.data())
def test_it_is_the_unused_share_or_all_that_is_left(amount, used, data):
    on, left = NOVEMBER.start + timedelta(days=used), data.draw(st.integers(0, amount))
    lines = unused_lines(amount, on, NOVEMBER, left)

    assert -sum(line.amount for line in lines) == min(unused_share(amount, Period(on, NOVEMBER.end), NOVEMBER), left)
    for line in lines:
        assert derived_amount(line.explain) == explain(line.explain).amount == line.amount
