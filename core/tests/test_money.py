from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import UnknownCurrencyError, allocate, exponent, quantize, round_half_away, to_major


@pytest.mark.parametrize(
    ("value", "currency", "amount"),
    [
        (Decimal("2.345"), "USD", 235),
        (Decimal("2.344999999999"), "USD", 234),
        (Decimal("-2.345"), "USD", -235),
        (Decimal("0.5"), "JPY", 1),
        (Decimal("-0.5"), "JPY", -1),
        (Decimal("1.0005"), "KWD", 1001),
        (55 * Decimal("0.067"), "USD", 369),
        (Fraction(49 * 11, 30), "USD", 1797),
        (Fraction(999 * 15, 100 * 30), "USD", 500),
        (0, "EUR", 0),
    ],
)
def test_it_rounds_half_away_from_zero_to_the_minor_unit(value, currency, amount):
    assert quantize(value, currency) == amount


def test_it_knows_the_decimals_of_a_currency():
    assert [exponent(code) for code in ("JPY", "USD", "KWD")] == [0, 2, 3]


@pytest.mark.parametrize("code", ["XQZ", "usd", ""])
def test_it_refuses_an_unknown_currency(code):
    with pytest.raises(UnknownCurrencyError):
        exponent(code)


def test_it_turns_an_amount_back_into_major_units_exactly():
    assert to_major(1797, "USD") == Decimal("17.97")
    assert to_major(-5, "KWD") == Decimal("-0.005")
    assert to_major(500, "JPY") == Decimal(500)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (5, [Decimal("0.5"), Decimal("0.3"), Decimal("0.2")], [3, 1, 1]),
        (7, [0, 1], [0, 7]),
        (0, [1, 2], [0, 0]),
    ],
)
def test_it_splits_by_largest_remainder(total, weights, parts):
    assert allocate(total, weights) == parts


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
def test_it_refuses_weights_that_cannot_split(weights):
    with pytest.raises(ValueError, match="weights"):
        allocate(10, weights)


@given(st.integers(-(10**15), 10**15), st.lists(st.integers(0, 10**6), min_size=1).filter(any))
def test_parts_sum_to_the_whole_and_none_is_a_cent_off(total, weights):
    parts = allocate(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total) * weight / sum(weights)) < 1


@given(st.fractions())
def test_rounding_is_symmetric_and_never_more_than_half_away(value):
    assert round_half_away(-value) == -round_half_away(value)
    assert abs(round_half_away(value) - value) <= Fraction(1, 2)
