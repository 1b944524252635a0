"""The lines of usage: what they are called, what they say, what they have stored, and when a minimum is posted."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from core.periods import Window, midnight
from plans.charges import SpellFacts, UsageFacts, compose_charges
from plans.pricing import PlanTerms, Tier
from plans.tests.pricing_cases import card
from plans.words import card_price, monthly_fee, other_prices, unit_price

WHOLE = Window(midnight(date(2026, 11, 17)), midnight(date(2026, 12, 17)))
CUT = Window(WHOLE.start, datetime(2026, 11, 28, 10, tzinfo=UTC))
REQUESTS = {"key": "requests", "name": "API requests", "unit": "request", "unit_plural": "requests"}


def tier(up_to, unit_amount="0", flat_amount="0"):
    return Tier(None if up_to is None else Decimal(up_to), Decimal(unit_amount), Decimal(flat_amount))


STEPS = (tier(1_000, "0.30"), tier(5_000, "0.20"), tier(None, "0.10"))
GRADUATED = card("graduated", tiers=STEPS, **REQUESTS)
VOLUME = card("volume", tiers=STEPS, **REQUESTS)
PACKAGE = card("package", unit_amount=Decimal(10), per_units=20, **REQUESTS)
UNIT = card("unit", unit_amount=Decimal("0.10"), **REQUESTS)
FLATS = card("graduated", tiers=(tier(5, flat_amount=100), tier(10, 1, 50), tier(None, 5)), **REQUESTS)
MANY = card("graduated", tiers=(*(tier(bound, bound) for bound in range(1, 6)), tier(None, 9)), **REQUESTS)
MINIMUM = replace(UNIT, minimum=Decimal(100))


def compose(terms, quantity, *, window=WHOLE, closed=True, billed=None):
    plan = PlanTerms(id=1, key="plus", name="Plus", version=3, currency="USD", cards=(terms,))
    usage = UsageFacts(window, WHOLE, {1: Decimal(str(quantity))}, closed)
    rated = {} if billed is None else {(terms.id, window.start): (Decimal(0), billed)}
    return compose_charges(SpellFacts(42, 1, plan, usage=(usage,), rated=rated))


@pytest.mark.parametrize(
    ("terms", "quantity", "amount", "detail"),
    [
        (UNIT, 250, 2_500, "250 × $0.10 per request"),
        (replace(UNIT, unit_amount=Decimal("0.000012")), 250_000, 300, "250,000 × $0.000012 per request"),
        (replace(UNIT, free_units=Decimal(50)), 250, 2_000, "(250 − 50 included) × $0.10 per request"),
        (replace(UNIT, free_units=Decimal(500)), 250, 0, "250 of 500 included"),
        (replace(UNIT, discount_percent=Decimal("12.5")), 250, 2_188, "250 × $0.10 per request, less 12.5 %"),
        (replace(UNIT, maximum=Decimal(20)), 250, 2_000, "250 × $0.10 per request, at most $20.00"),
        (UNIT, -5, 0, "−5 × $0.10 per request"),
        (PACKAGE, 98, 5_000, "98 in 5 × $10.00 per 20 requests"),
        (
            replace(PACKAGE, free_units=Decimal(10)),
            98,
            5_000,
            "(98 − 10 included) in 5 × $10.00 per 20 requests",
        ),
        (card("free", **REQUESTS), 98, 0, "98, not charged"),
        (card("free", free_units=Decimal(90), **REQUESTS), 98, 0, "(98 − 90 included), not charged"),
        (GRADUATED, 6_000, 120_000, "1,000 × $0.30 + 4,000 × $0.20 + 1,000 × $0.10 per request"),
        (GRADUATED, 12, 360, "12 × $0.30 per request"),
        (replace(GRADUATED, free_units=Decimal(10)), 12, 60, "(12 − 10 included): 2 × $0.30 per request"),
        (replace(GRADUATED, free_units=Decimal(10)), 5, 0, "5 of 10 included"),
        (VOLUME, 6_000, 60_000, "6,000 × $0.10 per request"),
        (FLATS, 0, 10_000, "$100.00 flat"),
        (FLATS, 4, 10_000, "$100.00 flat"),
        (FLATS, 7, 15_200, "$100.00 flat + $50.00 flat + 2 × $1.00 per request"),
        (MANY, 6, 2_400, "6 in 6 tiers"),
        (card("graduated", tiers=(tier(5), tier(None, 1)), **REQUESTS), 4, 0, "4 × $0.00"),
    ],
)
def test_it_says_how_the_amount_came_about(terms, quantity, amount, detail):
    [line] = compose(terms, quantity)

    assert (line.amount, line.detail) == (amount, detail)


def test_a_cut_window_says_what_its_share_was():
    terms = replace(GRADUATED, minimum=Decimal(2_000))

    usage, minimum = compose(terms, 2_200, window=CUT)

    assert (usage.amount, usage.detail) == (
        44_000, "≈ 366.67 × $0.30 + ≈ 1,466.67 × $0.20 + ≈ 366.67 × $0.10 per request",
    )  # fmt: skip
    assert (minimum.amount, minimum.detail) == (29_333, "$2,000.00 minimum × 11/30 − $440.00 for usage")
    [flat] = compose(FLATS, 0, window=CUT)
    assert (flat.amount, flat.detail) == (3_667, "≈ $36.67 flat")


@pytest.mark.parametrize(
    ("terms", "quantity", "amount"),
    [
        (replace(UNIT, maximum=Decimal(600)), 150, 1_500),
        (replace(UNIT, maximum=Decimal(600)), 6_000, 2_000),  # that of one day of thirty
        (replace(UNIT, free_units=Decimal(900), minimum=Decimal(900)), 10, 100),
        (GRADUATED, 200, 4_000),  # 33⅓ @ 0.30, 133⅓ @ 0.20, 33⅓ @ 0.10: a thirtieth of 6,000 units
        (VOLUME, 200, 2_000),
        (FLATS, "0.1", 0),
    ],
)
def test_a_window_of_no_whole_day_has_the_limits_of_one(terms, quantity, amount):
    """Two changes on one day: what is used between them is neither free nor without its maximum."""
    minutes = Window(WHOLE.start, WHOLE.start.replace(hour=23))

    assert [line.amount for line in compose(terms, quantity, window=minutes)] == [amount]


def test_what_it_says_has_room_on_the_line():
    """300 letters are what an invoice keeps."""
    tiers = [tier(10**12 * step, "0.000000000001", "1234567.89") for step in (1, 2, 3)]
    terms = card(
        "graduated", tiers=(*tiers, tier(None, "0.000000000001", "1234567.89")), unit="gigabyte-hour", per_units=10**9,
        unit_plural="gigabyte-hours", free_units=Decimal("123456789.123456789012"), discount_percent=Decimal("12.3456"),
        maximum=Decimal(1),
    )  # fmt: skip

    [line] = compose(terms, "98765432109876.123456789012", billed=123_456_789, window=CUT)

    assert " in 4 tiers, less 12.3456 %, " in line.detail
    assert len(line.detail) <= 300


def test_a_minimum_is_what_is_missing():
    terms = replace(GRADUATED, minimum=Decimal(2_000))

    assert [line.amount for line in compose(terms, 6_000)] == [120_000, 80_000]


def test_the_minimum_is_a_line_of_its_own():
    usage, minimum = compose(MINIMUM, 632)

    assert (usage.key, usage.amount) == ("subscription:42:usage:requests:2026-11-17/2026-12-17", 6_320)
    assert (minimum.key, minimum.amount, minimum.kind) == (
        "subscription:42:minimum:requests:2026-11-17/2026-12-17", 3_680, "usage",
    )  # fmt: skip
    assert (minimum.title, minimum.detail) == ("API requests (minimum)", "$100.00 minimum − $63.20 for usage")
    assert (minimum.quantity, minimum.unit_amount, minimum.feature_key) == (1, None, "usage")


@pytest.mark.parametrize(
    ("quantity", "closed", "amounts"),
    [(0, True, [10_000]), (0, False, []), (632, False, [6_320]), (1_000, True, [10_000]), (2_000, True, [20_000])],
)
def test_the_minimum_waits_until_the_window_closes(quantity, closed, amounts):
    assert [line.amount for line in compose(MINIMUM, quantity, closed=closed)] == amounts


def test_it_says_what_was_billed_before():
    [line] = compose(UNIT, 250, billed=1_000)

    assert (line.amount, line.detail) == (1_500, "250 × $0.10 per request − $10.00 billed before")


def test_only_a_price_that_is_one_stands_on_the_line():
    prices = [compose(terms, 98)[0] for terms in (UNIT, PACKAGE, GRADUATED, VOLUME, card("free", **REQUESTS))]

    assert [(line.unit_amount, line.per_units) for line in prices] == [
        (Decimal("0.10"), 1), (Decimal(10), 20), (None, 1), (None, 1), (None, 1),
    ]  # fmt: skip


def test_it_stores_what_is_needed_to_derive_it():
    terms = replace(
        GRADUATED, free_units=Decimal(30), discount_percent=Decimal(10), minimum=Decimal(3_000), maximum=Decimal(2_500)
    )

    usage, minimum = compose(replace(terms, maximum=Decimal(5_000)), 2_211, window=CUT)

    stored = usage.explain
    assert {name: stored[name] for name in ("line", "model", "price_version", "share", "included", "billable")} == {
        "line": "usage", "model": "graduated", "price_version": 3, "share": "11/30", "included": "11",
        "billable": "2200",
    }  # fmt: skip
    assert stored["tiers"][1] == {
        "number": 2, "start": "1100/3", "up_to": "5500/3", "quantity": "4400/3", "unit_amount": "0.20",
        "flat_amount": "0", "amount": "880/3",
    }  # fmt: skip
    assert sum(Fraction(part["amount"]) for part in stored["tiers"]) == Fraction(stored["list_amount"]) == 440
    assert (stored["discount_percent"], stored["exact_amount"], stored["amount"]) == ("10", "396", 39_600)
    assert (stored["maximum"], stored["maximum_amount"]) == (str(Fraction(5_500, 3)), "5000")
    assert (stored["minimum"], stored["minimum_amount"], stored["shortfall"]) == ("1100", "3000", 70_400)
    assert (minimum.explain["line"], minimum.explain["total"], minimum.amount) == ("minimum", 110_000, 70_400)
    assert "packages" not in stored
    assert compose(PACKAGE, 98)[0].explain["packages"] == 5


@pytest.mark.parametrize(
    ("terms", "price", "unit"),
    [
        (UNIT, "$0.10 per request", "$0.10 per request"),
        (PACKAGE, "$10.00 per 20 requests", "$10.00 per 20 requests"),
        (
            replace(GRADUATED, free_units=Decimal(10)),
            "$0.30 per request up to 1,000, then $0.20 per request up to 5,000, then $0.10 per request"
            " after 10 included",
            "From $0.10 per request",
        ),
        (
            VOLUME,
            "$0.30 per request up to 1,000, then $0.20 per request up to 5,000, then $0.10 per request for all units",
            "From $0.10 per request",
        ),
        (
            FLATS,
            "$100.00 flat up to 5, then $1.00 per request plus $50.00 flat up to 10, then $5.00 per request",
            "From $0.00 per request",
        ),
        (
            replace(UNIT, unit_amount=Decimal("0.000012")),
            "$0.000012 per request ($12.00 per 1 million)",
            "$0.000012 per request ($12.00 per 1 million)",
        ),
        (card("free", free_units=Decimal(9)), "9 included, more is not charged", "No charge"),
        (
            replace(UNIT, discount_percent=Decimal(10), minimum=Decimal(5), maximum=Decimal(50)),
            "$0.10 per request, 10 % off, at least $5.00 per month, at most $50.00 per month",
            "$0.10 per request",
        ),
        (replace(card("unit"), minimum=Decimal(5)), "Not charged, at least $5.00 per month", "No charge"),
        (card("flat", amount=4_900), "$49.00 per month", "No charge"),
        (
            card("flat", amount=49_000, cadence="yearly", timing="in_advance"),
            "$490.00 per year, in advance",
            "No charge",
        ),
        (card("flat", amount=9_900, timing="one_time"), "$99.00 once", "No charge"),
    ],
)
def test_it_writes_every_price_in_words(terms, price, unit):
    assert (card_price(terms, "USD"), unit_price(terms, "USD")) == (price, unit)


def test_it_tells_the_monthly_fee_apart_from_other_prices():
    monthly = card("flat", amount=4_900, name="Monthly")
    yearly = card("flat", amount=9_900, name="Yearly", cadence="yearly")
    once = card("flat", amount=500, name="Set-up", timing="one_time")
    plan = PlanTerms(id=1, key="plus", name="Plus", version=1, currency="USD", cards=(monthly, yearly, once, UNIT))

    assert monthly_fee(plan) == 4_900
    assert other_prices(plan) == (
        ("Yearly", "$99.00 per year"), ("Set-up", "$5.00 once"), ("API requests", "$0.10 per request"),
    )  # fmt: skip
