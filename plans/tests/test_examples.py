"""What a price comes to, in sentences."""

from decimal import Decimal

import pytest

from plans.examples import examples, month_price
from plans.pricing import CardTerms, PlanTerms, Tier

TIERS = (Tier(Decimal(1000), Decimal("0.30")), Tier(Decimal(5000), Decimal("0.20")), Tier(None, Decimal("0.10")))


def card(model, **values):
    return CardTerms(1, "calls", "Calls", model, feature_id=7, unit="call", unit_plural="calls", **values)


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (
            card("unit", unit_amount=Decimal(1), per_units=1000),
            ["10,000 calls = $10.00", "1,000,000 calls = $1,000.00"],
        ),
        (
            card("unit", unit_amount=Decimal("0.01")),
            ["1 call = $0.01", "100 calls = $1.00", "10,000 calls = $100.00", "1,000,000 calls = $10,000.00"],
        ),
        (
            card("unit", unit_amount=Decimal("0.01"), free_units=Decimal(500), minimum=Decimal(3)),
            ["500 calls = $3.00 (minimum)", "10,000 calls = $95.00", "1,000,000 calls = $9,995.00"],
        ),
        (
            card("graduated", tiers=TIERS),
            [
                "1,000 calls = $300.00",
                "5,000 calls = $1,100.00",
                "10,000 calls = $1,600.00",
                "1,000,000 calls = $100,600.00",
            ],
        ),
        (
            card("package", unit_amount=Decimal(10), per_units=20),
            ["100 calls = $50.00", "10,000 calls = $5,000.00", "1,000,000 calls = $500,000.00"],
        ),
        (card("flat", amount=4900), []),
    ],
)
def test_it_says_what_round_quantities_cost(card, expected):
    assert examples(card, "USD") == expected


def test_it_adds_up_a_month():
    fee = CardTerms(2, "fee", "Fee", "flat", amount=4_900)
    yearly = CardTerms(3, "yearly", "Yearly", "flat", amount=99_900, cadence="yearly")
    usage = card("unit", unit_amount=Decimal("0.01"), minimum=Decimal(5))
    terms = PlanTerms(1, "plus", "Plus", 1, "USD", (fee, yearly, usage))
    assert month_price(terms, {}) == 4_900 + 500
    assert month_price(terms, {7: Decimal(1_000)}) == 4_900 + 1_000
