"""Prices, proration and the slices of the calendar: maths only, no database."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.periods import Period, Window, midnight
from plans.charges import FeeFacts, SpellFacts, UsageFacts, compose_charges, units
from plans.pricing import CardTerms, PlanTerms, price_usage
from plans.words import card_price, included_units, unit_price

NOVEMBER = Period(date(2026, 11, 8), date(2026, 12, 8))
FEE = CardTerms(id=1, key="base-fee", name="Plus monthly fee", model="flat", amount=4_900)
REQUESTS = CardTerms(
    id=2, key="api-requests", name="API requests", model="unit", unit_amount=Decimal(1), per_units=1_000,
    free_units=Decimal(10_000), feature_id=7, feature_key="api-requests", unit="request", unit_plural="requests",
)  # fmt: skip
TOKENS = CardTerms(
    id=3, key="ai-tokens", name="AI tokens", model="unit", unit_amount=Decimal("0.002"), per_units=1_000,
    feature_id=8, feature_key="ai-tokens", unit="token", unit_plural="tokens",
)  # fmt: skip
PLUS = PlanTerms(id=1, key="plus", name="Plus", version=1, currency="USD", cards=(FEE, REQUESTS, TOKENS))

days = st.dates(min_value=date(2024, 1, 1), max_value=date(2032, 12, 31))
amounts = st.integers(min_value=0, max_value=10**10)
quantities = st.decimals(min_value=0, max_value=10**12, places=6)


def window(start, end):
    return Window(midnight(start), midnight(end))


def facts(usage=(), fees=(), rated=None):
    return SpellFacts(
        subscription_id=42, customer_id=1, terms=PLUS, fees=tuple(fees), usage=tuple(usage), rated=rated or {}
    )


# --- pricing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("card", "quantity", "share", "included", "amount"),
    [
        (REQUESTS, "12345", 1, 10_000, "2.345"),
        (REQUESTS, "10000", 1, 10_000, "0"),
        (REQUESTS, "10001", 1, 10_000, "0.001"),
        (REQUESTS, "0", 1, 10_000, "0"),
        (REQUESTS, "5500", Fraction(1, 2), 5_000, "0.5"),
        (REQUESTS, "5", 0, 0, "0.005"),
        (REQUESTS, "-5", 1, 10_000, "0"),
        (TOKENS, "1", 1, 0, "0.000002"),
        (TOKENS, "1500000.5", 1, 0, "3.000001"),
    ],
)
def test_it_prices_what_is_above_the_included_units(card, quantity, share, included, amount):
    priced = price_usage(card, Decimal(quantity), Fraction(share))

    assert (priced.included, priced.amount) == (included, Fraction(amount))


@given(quantity=quantities, numerator=st.integers(0, 31), denominator=st.integers(31, 62))
def test_it_never_prices_below_zero_and_never_more_without_included_units(quantity, numerator, denominator):
    share = Fraction(numerator, denominator)
    priced = price_usage(REQUESTS, quantity, share)

    assert 0 <= priced.amount <= Fraction(quantity) / 1_000
    assert price_usage(REQUESTS, quantity, Fraction(1)).amount <= priced.amount


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (FEE, "$49.00 per month"),
        (REQUESTS, "$1.00 per 1,000 requests after 10,000 included"),
        (TOKENS, "$0.0020 per 1,000 tokens"),
        (CardTerms(id=9, key="x", name="X", model="unit", free_units=Decimal(5)), "5 included, more is not charged"),
        (CardTerms(id=9, key="x", name="X", model="unit"), "Not charged"),
    ],
)
def test_it_writes_prices_in_words(card, expected):
    assert card_price(card, "USD") == expected


def test_it_writes_included_units_and_unit_prices_apart():
    assert (included_units(REQUESTS), included_units(TOKENS)) == ("10,000 per month", "None")
    assert unit_price(REQUESTS, "USD") == "$1.00 per 1,000 requests"


# --- composition -----------------------------------------------------------------------------------------------------


def test_it_composes_fees_first_then_usage_in_the_order_of_the_price_list():
    cut = window(date(2026, 11, 8), date(2026, 12, 5))
    lines = compose_charges(
        facts(
            usage=[UsageFacts(cut, cut, {7: Decimal(12_345), 8: Decimal(2_000_000)})],
            fees=[FeeFacts(NOVEMBER.until(date(2026, 11, 19)), NOVEMBER)],
        )
    )

    assert [(line.key, line.amount, line.detail) for line in lines] == [
        ("subscription:42:fee:base-fee:2026-11-08/2026-11-19", 1_797, "$49.00 × 11 of 30 days"),
        (
            "subscription:42:usage:api-requests:2026-11-08/2026-12-05",
            235,  # 2.345 is half a cent above: away from zero
            "(12,345 − 10,000 included) × $1.00 per 1,000 requests",
        ),
        ("subscription:42:usage:ai-tokens:2026-11-08/2026-12-05", 400, "2,000,000 × $0.0020 per 1,000 tokens"),
    ]


def test_it_leaves_out_only_what_was_not_used():
    cut = window(date(2026, 11, 8), date(2026, 12, 5))

    lines = compose_charges(facts(usage=[UsageFacts(cut, cut, {7: Decimal(5), 8: Decimal(0)})]))

    assert [(line.title, line.amount, line.detail) for line in lines] == [("API requests", 0, "5 of 10,000 included")]


def test_it_keeps_everything_needed_to_derive_the_amount_again():
    cut, planned = window(date(2026, 11, 8), date(2026, 11, 19)), window(date(2026, 11, 8), date(2026, 12, 5))

    [line] = compose_charges(facts(usage=[UsageFacts(cut, planned, {7: Decimal(12_345)})]))

    explain = line.explain
    billable = Fraction(explain["quantity"]) - Fraction(explain["free_units"]) * Fraction(explain["share"])
    assert Fraction(explain["exact_amount"]) == billable * Fraction(explain["unit_amount"]) / explain["per_units"]
    assert (explain["share"], explain["price_version"], explain["amount"]) == ("11/27", 1, line.amount)
    assert (explain["window"], explain["planned_window"]) == ("2026-11-08/2026-11-19", "2026-11-08/2026-12-05")


@pytest.mark.parametrize(
    ("exact", "expected"),
    [(Fraction(10_000), "10,000"), (Fraction(9, 4), "2.25"), (Fraction(10, 3), "≈ 3.33"), (Fraction(0), "0")],
)
def test_it_says_when_a_number_of_units_is_not_the_whole_truth(exact, expected):
    assert units(exact) == expected


@given(quantity=quantities, first=quantities)
def test_it_posts_the_difference_to_what_was_billed_before(quantity, first):
    cut = window(date(2026, 11, 8), date(2026, 12, 5))
    before = facts(usage=[UsageFacts(cut, cut, {8: first})]).rated_usage[1]
    usage = [UsageFacts(cut, cut, {8: first + quantity})]

    at_once = facts(usage=usage).rated_usage[1]
    after = facts(usage=usage, rated={(TOKENS.id, cut.start): (first, before.amount)}).rated_usage[1]

    assert before.difference + after.difference == at_once.difference


@given(quantities=st.lists(quantities, min_size=1, max_size=6))
def test_splitting_a_window_changes_the_sum_by_less_than_half_a_cent_a_part(quantities):
    """Each line is rounded once; without included units nothing else depends on where a window is split."""
    whole = window(date(2026, 11, 8), date(2026, 12, 5))
    pieces = [
        UsageFacts(
            Window(whole.start + timedelta(days=day), whole.start + timedelta(days=day + 1)), whole, {8: quantity}
        )
        for day, quantity in enumerate(quantities)
    ]

    [_requests, total] = facts(usage=[UsageFacts(whole, whole, {8: sum(quantities, Decimal(0))})]).rated_usage
    parts = [rated for rated in facts(usage=pieces).rated_usage if rated.card == TOKENS]

    assert sum((rated.priced.amount for rated in parts), Fraction(0)) == total.priced.amount
    assert abs(sum(rated.amount for rated in parts) - total.amount) <= (len(parts) + 1) / 2
