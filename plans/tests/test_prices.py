"""Every price model, exact: the numbers of docs/algorithms/rating.md, and what holds for any quantity."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.price_rules import broken_rules
from plans.pricing import PlanTerms, Tier, price_usage
from plans.tests.pricing_cases import card, price, rate

ELEVEN_OF_THIRTY = Fraction(11, 30)


def tier(up_to, unit_amount="0", flat_amount="0"):
    return Tier(None if up_to is None else Decimal(up_to), Decimal(unit_amount), Decimal(flat_amount))


STEPS = (tier(1_000, "0.30"), tier(5_000, "0.20"), tier(None, "0.10"))
FLATS = (tier(5, flat_amount="100"), tier(10, flat_amount="50"), tier(15, "10"), tier(None, "5"))
GRADUATED = card("graduated", tiers=STEPS)
VOLUME = card("volume", tiers=STEPS)
PACKAGE = card("package", unit_amount=Decimal(10), per_units=20)
FREE = card("free", free_units=Decimal(1_000_000))
UNIT = card("unit", unit_amount=Decimal("0.10"))
LIMITED = replace(UNIT, discount_percent=Decimal(10), minimum=Decimal(20), maximum=Decimal(100))


# --- the worked tables -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "quantity", "amount"),
    [
        (GRADUATED, 6_000, 1_200),
        (GRADUATED, 5_000, 1_100),
        (GRADUATED, 1_000, 300),
        (GRADUATED, "1000.5", "300.10"),
        (GRADUATED, 0, 0),
        (VOLUME, 6_000, 600),
        (VOLUME, 5_000, 1_000),
        (VOLUME, "5000.5", "500.05"),
        (VOLUME, 1_000, 300),
        (VOLUME, 0, 0),
        (PACKAGE, 0, 0),
        (PACKAGE, "0.1", 10),
        (PACKAGE, 20, 10),
        (PACKAGE, "20.1", 20),
        (PACKAGE, 98, 50),
        (FREE, 2_000_000, 0),
        (UNIT, 6_000, 600),
    ],
)
def test_it_prices_by_its_model(terms, quantity, amount):
    assert price(terms, quantity).amount == Fraction(amount)


@pytest.mark.parametrize(
    ("model", "quantity", "amount"),
    [
        ("graduated", 0, 100),  # the first tier's flat price is due also at 0
        ("graduated", 5, 100),
        ("graduated", "5.001", 150),
        ("graduated", 12, 170),
        ("graduated", 22, 235),
        ("volume", 0, 100),
        ("volume", 5, 100),
        ("volume", 7, 50),
        ("volume", 15, 150),
        ("volume", 16, 80),
    ],
)
def test_it_adds_flat_prices_of_tiers(model, quantity, amount):
    assert price(card(model, tiers=FLATS), quantity).amount == amount


@pytest.mark.parametrize("model", ["unit", "graduated", "volume", "package"])
def test_its_prices_are_per_so_many_units(model):
    terms = card(
        model, unit_amount=Decimal(2), per_units=1_000, tiers=(tier(None, 2),) if model in "graduatedvolume" else ()
    )

    assert price(terms, 3_000).amount == 6
    assert price(terms, 3_001).amount == (8 if model == "package" else Fraction("6.002"))


@pytest.mark.parametrize(
    ("terms", "quantity", "included", "amount"),
    [
        (replace(GRADUATED, free_units=Decimal(500)), 6_500, 500, 1_200),
        (replace(VOLUME, free_units=Decimal(500)), 6_500, 500, 600),
        (replace(PACKAGE, free_units=Decimal(10)), 30, 10, 10),
        (replace(PACKAGE, free_units=Decimal(10)), 31, 10, 20),
        (replace(PACKAGE, free_units=Decimal(10)), 10, 10, 0),
        (replace(UNIT, free_units=Decimal(900)), 1_000, 900, 10),
    ],
)
def test_free_units_come_before_the_price(terms, quantity, included, amount):
    priced = price(terms, quantity)

    assert (priced.included, priced.amount) == (included, amount)


@pytest.mark.parametrize(
    ("quantity", "usage", "minimum_line"),
    [
        (0, 0, 2_000),
        (100, 900, 1_100),
        (200, 1_800, 200),
        (223, 2_007, 0),
        (1_000, 9_000, 0),
        (1_200, 10_000, 0),  # 120.00 less 10 % = 108.00, at most 100.00
    ],
)
def test_discount_then_maximum_then_minimum(quantity, usage, minimum_line):
    rated = rate(LIMITED, Decimal(quantity))

    assert (rated.amount, rated.shortfall) == (usage, minimum_line)


@pytest.mark.parametrize(
    ("terms", "quantity", "amount"),
    [
        (GRADUATED, 2_200, 440),  # 11/30 of 6,000 units for 11/30 of 1,200.00
        (VOLUME, 2_200, 220),
        (VOLUME, 1_833, "366.60"),
        (card("graduated", tiers=FLATS), 0, Fraction(110, 3)),
        (replace(UNIT, free_units=Decimal(900)), 1_000, 67),
        (replace(UNIT, maximum=Decimal(600)), 6_000, 220),
        (card("graduated", tiers=(tier(None, flat_amount=100),)), 0, Fraction(110, 3)),
        (PACKAGE, 98, 50),
    ],
)
def test_a_window_cut_short_has_its_share_of_what_belongs_to_a_window(terms, quantity, amount):
    assert price_usage(terms, Decimal(quantity), ELEVEN_OF_THIRTY).amount == Fraction(amount)


@pytest.mark.parametrize(
    ("currency", "amount", "minimum_line"), [("JPY", 1, 99), ("USD", 50, 9_950), ("KWD", 501, 99_499)]
)
def test_it_rounds_to_the_currency_once(currency, amount, minimum_line):
    rated = rate(card("unit", unit_amount=Decimal("0.5005"), minimum=Decimal(100)), Decimal(1), currency=currency)

    assert (rated.amount, rated.shortfall) == (amount, minimum_line)


def test_a_discount_is_not_rounded_by_itself():
    terms = card("unit", unit_amount=Decimal(1), discount_percent=Decimal("0.5"))

    assert rate(terms, Decimal(1)).amount == 100


def test_a_minimum_is_rounded_by_itself():
    terms = card("unit", unit_amount=Decimal("0.5"), minimum=Decimal(10_000))

    rated = rate(terms, Decimal(17_001), currency="JPY")

    assert (rated.amount, rated.shortfall) == (8_501, 1_499)


def test_tiers_say_what_fell_into_them():
    priced = price(GRADUATED, 6_000)

    assert [(part.number, part.start, part.up_to, part.quantity, part.amount) for part in priced.tiers] == [
        (1, 0, 1_000, 1_000, 300),
        (2, 1_000, 5_000, 4_000, 800),
        (3, 5_000, None, 1_000, 100),
    ]
    [reached] = price(VOLUME, 6_000).tiers
    assert (reached.number, reached.quantity, reached.amount) == (3, 6_000, 600)


@pytest.mark.parametrize(
    ("terms", "slices"),
    [
        (PACKAGE, [(17, 1_000), (22, 1_000), (18, -1_000)]),
        (replace(UNIT, minimum=Decimal(100)), [(632, 10_000), (732, 0), (1_132, 1_320)]),
    ],
)
def test_it_posts_the_difference_to_what_was_posted(terms, slices):
    billed = 0
    for used, posted in slices:
        rated = rate(terms, Decimal(used), billed=billed)
        billed += rated.total_difference

        assert rated.total_difference == posted


# --- any quantity ----------------------------------------------------------------------------------------------------

quantities = st.decimals(min_value=0, max_value=10**7, places=3)
prices = st.decimals(min_value=0, max_value=1_000, places=4)
shares = st.builds(Fraction, st.integers(0, 31), st.just(31))
models = st.sampled_from(["unit", "graduated", "volume", "package", "free"])


@st.composite
def cards(draw, models=models):
    """Any metered price that can be published."""
    model = draw(models)
    bounds = sorted(draw(st.sets(st.integers(1, 10**6), max_size=4)))
    tiers = tuple(tier(bound, draw(prices), draw(prices)) for bound in (*bounds, None))
    minimum = draw(st.none() | st.integers(0, 1_000).map(Decimal))
    maximum = draw(st.none() | st.integers(int(minimum or 0), 10**6).map(Decimal))
    found = card(
        model,
        unit_amount=draw(prices) if model in ("unit", "package") else Decimal(0),
        per_units=draw(st.sampled_from([1, 20, 1_000])),
        free_units=draw(st.just(Decimal(0)) | quantities),
        tiers=tiers if model in ("graduated", "volume") else (),
        discount_percent=draw(st.just(Decimal(0)) | st.decimals(0, 100, places=2)),
        minimum=minimum,
        maximum=maximum,
    )
    assert not list(broken_rules(found))
    return found


@given(terms=cards(), quantity=quantities, share=shares)
def test_it_is_never_below_zero_nor_above_its_maximum(terms, quantity, share):
    priced = price_usage(terms, quantity, share)

    assert priced.amount >= 0
    assert priced.maximum is None or priced.amount <= priced.maximum == Fraction(terms.maximum) * share


@given(
    terms=cards(st.sampled_from(["unit", "graduated", "package", "free"])), quantities=st.tuples(quantities, quantities)
)
def test_more_usage_never_costs_less_but_by_volume(terms, quantities):
    less, more = sorted(quantities)

    assert price(terms, less).amount <= price(terms, more).amount


@given(terms=cards(), quantity=quantities)
def test_below_zero_it_costs_what_nothing_costs(terms, quantity):
    assert price(terms, -quantity).amount == price(terms, 0).amount


@given(terms=cards(st.sampled_from(["unit", "graduated", "volume"])), thirty_firsts=st.integers(0, 10**6), share=shares)
def test_a_cut_window_is_the_whole_one_drawn_smaller(terms, thirty_firsts, share):
    """The share of the units for the share of the price, tiers and limits and all; only packages keep their size."""
    whole, part = Decimal(31 * thirty_firsts), Decimal(int(31 * thirty_firsts * share))

    assert price_usage(terms, part, share).amount == price(terms, whole).amount * share


@given(
    terms=cards(),
    slices=st.lists(st.decimals(-1_000, 10**6, places=3), min_size=1, max_size=6),
    currency=st.sampled_from(["JPY", "USD", "KWD"]),
)
def test_slices_of_a_window_sum_to_the_whole(terms, slices, currency):
    """Whatever is posted before, also too much of it: what is posted in all is what the window comes to."""
    total, posted = Decimal(0), 0
    for place, quantity in enumerate(slices, 1):
        total += quantity
        rated = rate(terms, total, billed=posted, currency=currency, closed=place == len(slices))
        posted += rated.difference + rated.shortfall

    at_once = rate(terms, total, currency=currency)
    assert posted == at_once.total >= 0
    assert rate(terms, total, billed=posted, currency=currency).total_difference == 0  # once more changes nothing


@given(terms=cards(), quantity=quantities, later=quantities)
def test_late_usage_first_fills_what_the_minimum_has_paid_for(terms, quantity, later):
    first = rate(terms, quantity)
    again = rate(terms, quantity + later, billed=first.total)

    assert first.total + again.total_difference == rate(terms, quantity + later).total


# --- what can be published -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "rules"),
    [
        (GRADUATED, []),
        (LIMITED, []),
        (card("volume"), ["tiers: a volume price needs at least one."]),
        (replace(UNIT, tiers=STEPS), ["tiers: only a graduated or volume price has them."]),
        (
            card("graduated", tiers=(tier(10), tier(10), tier(None))),
            ["tier 2: its upper bound 10 must be above 10."],
        ),
        (card("graduated", tiers=(tier(0), tier(None))), ["tier 1: its upper bound 0 must be above 0."]),
        (
            card("graduated", tiers=(tier(None), tier(10))),
            [
                "tier 2: nothing may follow an open tier; only the last one has no upper bound.",
                "tier 2: the last tier must be open, without an upper bound.",
            ],
        ),
        (card("graduated", tiers=(tier(None, "-1"),)), ["tier 1: prices are never below 0."]),
        (replace(UNIT, discount_percent=Decimal("100.1")), ["discount: between 0 and 100 percent."]),
        (replace(UNIT, minimum=Decimal(2), maximum=Decimal(1)), ["minimum: not above the maximum."]),
        (replace(UNIT, maximum=Decimal(-1)), ["minimum and maximum: never below 0."]),
        (replace(UNIT, unit_amount=Decimal(-1)), ["price and free units: never below 0."]),
        (replace(UNIT, per_units=0), ["per units: at least 1."]),
        (
            replace(GRADUATED, cadence="yearly"),
            ["cadence: usage and its tiers are monthly; only a flat fee may be yearly."],
        ),
        (replace(UNIT, timing="in_advance"), ["timing: usage is billed in arrears."]),
        (card("flat", minimum=Decimal(1)), ["discount, minimum and maximum: for usage only."]),
    ],
)
def test_it_says_which_rule_a_price_breaks(terms, rules):
    assert list(broken_rules(terms)) == [f"Usage, {rule}" for rule in rules]


@pytest.mark.parametrize(
    ("terms", "is_priced"),
    [
        (FREE, False),
        (replace(FREE, minimum=Decimal(1)), True),
        (card("unit"), False),
        (UNIT, True),
        (PACKAGE, True),
        (GRADUATED, True),
        (card("graduated", tiers=(tier(None),)), False),
        (card("volume", tiers=(tier(None, flat_amount=1),)), True),
        (card("flat", amount=1), True),
        (card("flat"), False),
    ],
)
def test_it_knows_what_can_ever_charge(terms, is_priced):
    plan = PlanTerms(id=1, key="plus", name="Plus", version=1, currency="USD", cards=(terms,))

    assert plan.is_priced == is_priced
    assert bool(plan.metered) == (terms.model != "flat")
