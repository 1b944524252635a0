"""What a line has stored is enough to derive it: the data alone gives the amount again."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.periods import Period, Window
from invoices.hand_charges import HandCharge, charge_line, taken_back
from plans.charges import FeeFacts, SpellFacts, UsageFacts, compose_charges
from plans.explain import derived_amount, explain, money, number, price_version
from plans.late import LateFacts, late_lines
from plans.pricing import CardTerms, PlanTerms, Tier

NOVEMBER = Window(datetime(2026, 11, 17, tzinfo=UTC), datetime(2026, 12, 17, tzinfo=UTC))
CUT = replace(NOVEMBER, end=datetime(2026, 11, 28, 10, tzinfo=UTC))
MONTH = Period(date(2026, 11, 8), date(2026, 12, 8))
REQUESTS = CardTerms(
    id=7,
    key="api-requests",
    name="API requests",
    model="unit",
    unit_amount=Decimal("1.00"),
    per_units=1_000,
    free_units=Decimal(10_000),
    feature_id=3,
    feature_key="api-requests",
    unit="request",
    unit_plural="requests",
)
FEE = CardTerms(id=8, key="base", name="Plus monthly fee", model="flat", amount=4_900)


def lines(card, *, quantity="0", cut=NOVEMBER, fees=(), billed=0, currency="USD"):
    terms = PlanTerms(id=1, key="plus", name="Plus", version=3, currency=currency, cards=(card,))
    usage = () if card.model == "flat" else (UsageFacts(cut, NOVEMBER, {3: Decimal(quantity)}),)
    rated = {(card.id, cut.start): (Decimal(0), billed)}
    return compose_charges(SpellFacts(42, 1, terms, fees=tuple(fees), usage=usage, rated=rated))


def stored(line):
    """As the database gives it back."""
    return json.loads(json.dumps(line.explain))


def text(card, **facts):
    [line] = lines(card, **facts)
    explained = explain(stored(line))
    assert explained.amount == line.amount
    return [" ".join(row.split()) for row in explained.text.splitlines()]


# --- any line -------------------------------------------------------------------------------------------------------
amounts = st.decimals(0, 1_000, places=6)
quantities = st.decimals(0, 10**9, places=6)


@st.composite
def cards(draw):
    model = draw(st.sampled_from(["unit", "graduated", "volume", "package", "free"]))
    bounds = sorted(draw(st.sets(st.integers(1, 10**6), max_size=3)))
    tiers = tuple(
        Tier(None if bound is None else Decimal(bound), draw(amounts), draw(amounts)) for bound in (*bounds, None)
    )
    minimum = draw(st.none() | st.decimals(0, 100, places=2))
    return replace(
        REQUESTS,
        model=model,
        unit_amount=draw(amounts),
        per_units=draw(st.sampled_from([1, 20, 1_000])),
        free_units=draw(st.decimals(0, 10**5, places=3)),
        tiers=tiers if model in ("graduated", "volume") else (),
        discount_percent=draw(st.decimals(0, 100, places=2)),
        minimum=minimum,
        maximum=draw(st.none() | st.decimals(100, 10**5, places=2)),
    )


windows = st.integers(1, 30).map(lambda day: replace(NOVEMBER, end=NOVEMBER.start + timedelta(days=day)))


@given(cards(), quantities, windows, st.integers(-500, 10_000), st.sampled_from(["USD", "JPY", "KWD"]))
def test_usage_is_derived_from_what_is_stored(card, quantity, cut, billed, currency):
    for line in lines(card, quantity=quantity, cut=cut, billed=billed, currency=currency):
        assert explain(stored(line)).amount == line.amount, line.key


@st.composite
def fee_facts(draw):
    start, end = sorted((draw(st.integers(0, 30)), draw(st.integers(0, 30))))
    part = Period(MONTH.start + timedelta(days=start), MONTH.start + timedelta(days=end))
    return FeeFacts(
        part,
        MONTH,
        timing=draw(st.sampled_from(["in_arrears", "in_advance"])),
        cadence=draw(st.sampled_from(["monthly", "yearly"])),
        unused=draw(st.booleans()),
    )


@given(fee_facts(), st.integers(0, 10**7), st.sampled_from(["USD", "JPY", "KWD"]))
def test_fees_are_derived_from_what_is_stored(facts, amount, currency):
    card = replace(FEE, amount=amount, timing=facts.timing, cadence=facts.cadence)
    for line in lines(card, fees=[facts], currency=currency):
        assert explain(stored(line)).amount == line.amount, line.key


@given(fee_facts(), st.integers(1, 10**7))
def test_a_fee_that_is_charged_once_is_derived_too(facts, amount):
    card = replace(FEE, amount=amount, timing="one_time")
    for line in lines(card, fees=[FeeFacts(MONTH, MONTH, timing="one_time")]):
        assert explain(stored(line)).amount == line.amount == amount


# --- written out ----------------------------------------------------------------------------------------------------
def test_usage_is_written_as_a_sum():
    assert text(REQUESTS, quantity="12345") == [
        "12,345 requests used",
        "− 10,000 included in Plus",
        "= 2,345 billable",
        "× $1.00 per 1,000 requests Plus, price list version 3",
        "= $2.3450",
        "→ $2.35 rounded half away from zero, once per line",
    ]


def test_within_the_included_units_nothing_is_billable():
    assert text(REQUESTS, quantity="9000")[1:] == [
        "− 10,000 included in Plus",
        "= 0 billable never less than 0",
        "× $1.00 per 1,000 requests Plus, price list version 3",
        "= $0.00",
    ]


def test_a_price_of_next_to_nothing_says_what_many_cost():
    row = "× $0.000012 per request ($12.00 per 1 million) Plus, price list version 3"
    assert row in text(replace(REQUESTS, unit_amount=Decimal("0.000012"), per_units=1), quantity="12345")


def test_a_window_that_was_cut_short_shows_its_share():
    rows = text(REQUESTS, quantity="12345", cut=CUT)
    assert rows[0] == "12,345 requests used the window was cut short by a change of plan"
    assert rows[1] == "− ≈ 3,666.666667 included in Plus 10,000 × 11/30 of the window's days"
    assert rows[-1] == "→ $8.68 rounded half away from zero, once per line"


def test_what_was_billed_before_is_taken_off():
    assert text(REQUESTS, quantity="12345", billed=100)[-2:] == ["− $1.00 billed for it before", "= $1.35"]


def test_a_line_below_zero_shows_what_was_given_back():
    assert text(REQUESTS, quantity="12345", billed=500)[-2:] == ["− $5.00 billed for it before", "= −$2.65"]


def test_a_whole_month_is_its_fee():
    assert text(FEE, fees=[FeeFacts(MONTH, MONTH)]) == [
        "$49.00 a month Plus, price list version 3",
        "× 30 of 30 days 8 Nov – 7 Dec 2026",
        "= $49.00",
    ]


def test_the_first_days_of_a_month_are_a_fraction():
    assert text(FEE, fees=[FeeFacts(MONTH.until(date(2026, 11, 19)), MONTH)])[1:] == [
        "× 11 of 30 days 8 Nov – 18 Nov 2026 of 8 Nov – 7 Dec 2026",
        "= $17.97 half away from zero, once per line, cumulative over the days of the period",
    ]


def test_the_last_days_of_a_month_show_both_figures():
    rest = Period(date(2026, 11, 19), MONTH.end)
    assert text(FEE, fees=[FeeFacts(rest, MONTH)])[1:4] == [
        "× 19 of 30 days 19 Nov – 7 Dec 2026 of 8 Nov – 7 Dec 2026",
        "= $49.00 $49.00 × 30 ÷ 30, rounded",
        "− $17.97 $49.00 × 11 ÷ 30, rounded: the days before",
    ]


def test_days_that_are_given_back_are_below_zero():
    rest = Period(date(2026, 11, 19), MONTH.end)
    card = replace(FEE, timing="in_advance")
    rows = text(card, fees=[FeeFacts(rest, MONTH, timing="in_advance", unused=True)])
    assert rows[-2:] == [
        "× −1 charged before, not used, given back",
        "= −$31.03 half away from zero, once per line, cumulative over the days of the period",
    ]


TIERS = (Tier(Decimal(1_000), Decimal("0.30")), Tier(Decimal(5_000), Decimal("0.20")), Tier(None, Decimal("0.10")))
TIERED = replace(REQUESTS, per_units=1, free_units=Decimal(0), tiers=TIERS)


def test_graduated_prices_show_what_fell_into_each_tier():
    card = replace(TIERED, model="graduated")
    assert text(card, quantity="6000") == [
        "6,000 requests used",
        "= 1,000 × $0.30 per request up to 1,000",
        "+ 4,000 × $0.20 per request above 1,000, up to 5,000",
        "+ 1,000 × $0.10 per request above 5,000",
        "= $1,200.00 Plus, price list version 3",
    ]
    [line] = lines(card, quantity="6000")
    assert [(tier.name, tier.quantity, tier.amount) for tier in explain(stored(line)).tiers] == [
        ("up to 1,000", "1,000", "$300.00"),
        ("above 1,000, up to 5,000", "4,000", "$800.00"),
        ("above 5,000", "1,000", "$100.00"),
    ]


def test_a_volume_price_is_one_for_all_units():
    assert text(replace(TIERED, model="volume"), quantity="6000")[1:] == [
        "= 6,000 × $0.10 per request all units, above the last bound",
        "= $600.00 Plus, price list version 3",
    ]


def test_the_flat_price_of_a_tier_stands_beside_it():
    tiers = (Tier(Decimal(100), flat_amount=Decimal(5)), Tier(None, Decimal("0.10")))
    rows = text(replace(TIERED, model="graduated", tiers=tiers), quantity="101")
    assert rows[1:3] == ["= 100 × $0.00 per request + $5.00 flat up to 100", "+ 1 × $0.10 per request above 100"]


def test_packages_are_counted():
    card = replace(REQUESTS, model="package", unit_amount=Decimal(10), per_units=20, free_units=Decimal(0))
    assert text(card, quantity="20.1")[1:] == [
        "= 2 packages of 20, begun ones count",
        "× $10.00 Plus, price list version 3",
        "= $20.00",
    ]


def test_discount_and_maximum_follow_the_price():
    card = replace(REQUESTS, free_units=Decimal(0), discount_percent=Decimal(10), maximum=Decimal(8))
    assert text(card, quantity="10000")[2:] == [
        "= $10.00",
        "− 10 % discount",
        "= $9.00",
        "= $8.00 the most a window costs",
    ]


def test_a_minimum_line_shows_what_is_missing():
    _usage, minimum = lines(replace(REQUESTS, minimum=Decimal(5)), quantity="12345")
    rows = [" ".join(row.split()) for row in explain(stored(minimum)).text.splitlines()]
    assert rows[-3:] == ["$5.00 minimum of the window", "− $2.35 usage", "= $2.65"]


def test_a_late_line_shows_what_was_billed_before():
    late = LateFacts(
        subscription_id=42,
        terms=PlanTerms(id=1, key="plus", name="Plus", version=3, currency="USD", cards=(REQUESTS,)),
        card=REQUESTS,
        usage=UsageFacts(NOVEMBER, NOVEMBER, {3: Decimal(12_345)}),
        number=1,
        billed_quantity=Decimal(11_000),
        billed_amount=100,
    )
    [line] = late_lines([late])
    explained = explain(stored(line))
    assert explained.amount == line.amount == 135
    assert explained.text.splitlines()[-1] == "= $1.35"


@given(cards(), quantities, windows, st.integers(0, 10_000))
def test_late_usage_is_derived_from_what_is_stored(card, quantity, cut, billed):
    late = LateFacts(
        subscription_id=42,
        terms=PlanTerms(id=1, key="plus", name="Plus", version=3, currency="USD", cards=(card,)),
        card=card,
        usage=UsageFacts(cut, NOVEMBER, {3: quantity}),
        number=1,
        billed_quantity=Decimal(0),
        billed_amount=billed,
    )
    for line in late_lines([late]):
        assert explain(stored(line)).amount == line.amount


# --- figures --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "shown"), [("5", "5"), ("1/4", "0.25"), ("11/30", "≈ 0.366667"), ("-1/3", "≈ −0.333333")]
)
def test_a_number_without_an_end_has_a_sign(value, shown):
    assert number(Fraction(value)) == shown


def test_exact_money_keeps_its_decimals():
    assert (money(Fraction("2.345"), "USD"), money(Fraction(1, 3), "JPY")) == ("$2.3450", "≈ ¥0.333333")


def test_the_notes_stand_in_a_column_of_their_own():
    [line] = lines(REQUESTS, quantity="12345")
    rows = explain(stored(line)).text.splitlines()
    places = {row.index(note) for row in rows for note in ("Plus,", "rounded") if note in row}
    assert len(places) == 1


@pytest.mark.parametrize(("amount", "word"), [(5_000, "charge"), (-700, "credit")])
def test_it_says_that_a_charge_by_hand_was_agreed(amount, word):
    period = Period(date(2026, 10, 20), date(2026, 10, 21))
    line = charge_line(HandCharge("k", 1, "Onboarding workshop", "USD", amount, period), date(2026, 10, 20))
    back = taken_back(line)
    assert [derived_amount(each.explain) for each in (line, back)] == [amount, -amount]
    assert [explain(each.explain).amount for each in (line, back)] == [amount, -amount]
    assert f"{word} added by hand on 20 Oct 2026" in explain(line.explain).text
    assert price_version(line.explain) == ""
