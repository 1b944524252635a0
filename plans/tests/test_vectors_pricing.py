"""Prices of usage against the cases of four billing engines, rated by the same code that bills."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from core.money import quantize
from core.periods import Period
from core.tests.vectors import Answer, Case, NotApplicable, answered, load, tally
from plans.fees import FeeFacts, fee_lines
from plans.pricing import CardTerms, PlanTerms, price_usage
from plans.tests.pricing_cases import Inputs, card, price, rate, tiers

MONTH = Period(date(2026, 11, 8), date(2026, 12, 8))
MAY_BILL_FIRST = ("single_per_period", "first_in_period_split")
MAY_BILL_LAST = ("single_per_period", "last_in_period_split")

COUNTED_WHEN_USED = "a volume price counts as soon as something is used; what is posted before is taken off later"
PACKAGES_OF_THE_WINDOW = "packages are counted over the whole window, not over each slice of it"
BEGUN_PACKAGES = "a begun package counts as a whole one"

CREDITS = NotApplicable("credits are drawn before tax, not line by line")
CONVERSION = NotApplicable("quantities are not converted before they are priced")
FEE_LIMITS = NotApplicable("discount, minimum and maximum are for usage")
PER_EVENT = NotApplicable("prices are per unit of a window, not per event")
BY_DAYS = NotApplicable("units are not weighted by days")
FIXED_DISCOUNT = NotApplicable("discounts are percentages")

TAX_KINDS = {"tax": 7, "tax_multiple": 1, "tax_after_discount": 2}  # answered where tax is: invoices/tests
TALLIES = {
    "openmeter_pricing": {"same": 52, "differ": 2, "not applicable": 10},
    "openmeter_docs_pricing": {"same": 9},
    "lago_charge_models": {"same": 27, "not applicable": 21},
    "flexprice_pricing_and_rounding": {"same": 56, "differ": 1, "not applicable": 14},
}
OURS: dict[str, Any] = {
    "volume_mid_period_not_billed": (15_000, 0),
    "unit_config_split_converts_each_endpoint": (1_000, 0),  # 2,700 units are three packages, two were posted
    "package100_round_down_250": 3,
}


# --- OpenMeter -------------------------------------------------------------------------------------------------------


def rate_line(case: Case) -> Answer | NotApplicable:
    asked, currency = case.inputs, case.inputs["currency"]
    if "credits" in asked:
        return CREDITS
    if asked["price"]["type"] == "flat":
        return flat_line(case)
    terms = openmeter_card(asked)
    if terms is None:
        return CONVERSION
    before, mode = Decimal(asked["pre_line_quantity"]), asked["line_mode"]
    total = before + Decimal(asked["quantity"])
    rated = rate(
        terms, total, billed=billed_before(terms, asked, before), currency=currency, closed=mode in MAY_BILL_LAST
    )
    ours = (rated.difference, rated.shortfall)
    lines = case.expected["lines"]
    minimum = sum(quantize(Decimal(line["total"]), currency) for line in lines if line["key"] == "min-spend")
    theirs = (quantize(Decimal(case.expected["total"]), currency) - minimum, minimum)
    if ours == theirs:
        return Answer(ours, theirs)
    return Answer(ours, theirs, COUNTED_WHEN_USED if terms.model == "volume" else PACKAGES_OF_THE_WINDOW)


def flat_line(case: Case) -> Answer | NotApplicable:
    asked, currency = case.inputs, case.inputs["currency"]
    if "commitments" in asked or "discounts" in asked:
        return FEE_LIMITS
    timing = asked["price"]["payment_term"]
    due = asked["line_mode"] in (MAY_BILL_LAST if timing == "in_arrears" else MAY_BILL_FIRST)
    fee = card("flat", amount=quantize(Decimal(asked["price"]["amount"]), currency), timing=timing)
    plan = PlanTerms(id=1, key="plus", name="Plus", version=1, currency=currency, cards=(fee,))
    ours = sum(line.amount for line in fee_lines(1, plan, [FeeFacts(MONTH, MONTH, timing)] if due else []))
    return Answer(ours, quantize(Decimal(case.expected["total"]), currency))


def openmeter_card(asked: Inputs) -> CardTerms | None:
    """Their price as ours; None for a conversion that is neither a package nor a price of so many units."""
    terms = openmeter_price(asked["price"])
    commitments, discounts = asked.get("commitments", {}), asked.get("discounts", {})
    limits = {
        "minimum": Decimal(commitments["min"]) if "min" in commitments else None,
        "maximum": Decimal(commitments["max"]) if "max" in commitments else None,
        "discount_percent": Decimal(discounts.get("percentage", 0)),
        "free_units": Decimal(discounts.get("usage", 0)),
    }
    converted = openmeter_conversion(asked["unit_config"], terms) if "unit_config" in asked else {}
    if converted is None or (converted and limits["free_units"]):
        return None
    return card(**{**terms, **limits, **converted})


def openmeter_price(asked: Inputs) -> dict[str, Any]:
    if asked["type"] == "unit":
        return {"model": "unit", "unit_amount": Decimal(asked["amount"])}
    if asked["type"] == "dynamic":  # of a meter that counts money
        return {"model": "unit", "unit_amount": Decimal(asked["multiplier"])}
    if asked["type"] == "package":
        size = int(asked["quantity_per_package"])
        return {"model": "package", "unit_amount": Decimal(asked["amount"]), "per_units": size}
    return {"model": asked["mode"], "tiers": tiers(asked["tiers"], "up_to", "unit", "flat")}


def openmeter_conversion(asked: Inputs, terms: Inputs) -> dict[str, Any] | None:
    if terms["model"] != "unit" or asked["operation"] != "divide" or asked["rounding"] not in ("ceiling", "none"):
        return None
    return {"model": "package" if asked["rounding"] == "ceiling" else "unit", "per_units": int(asked["factor"])}


def billed_before(terms: CardTerms, asked: Inputs, before: Decimal) -> int | None:
    """What earlier slices of the window have posted: as given, else by our own prices. Volume: theirs post nothing."""
    given = quantize(Decimal(asked["previously_billed"]), asked["currency"])
    if given or terms.model == "volume":
        return given
    if asked["line_mode"] in MAY_BILL_FIRST and not before:
        return None
    return rate(terms, before, currency=asked["currency"], closed=False).amount


def rate_total(case: Case) -> Answer:
    asked = case.inputs
    terms = openmeter_card(asked)
    assert terms is not None
    return Answer(
        rate(terms, Decimal(asked["quantity"])).total, quantize(Decimal(case.expected["total"]), asked["currency"])
    )


def package_count(case: Case) -> Answer:
    terms = card("package", per_units=int(case.inputs["quantity_per_package"]))
    return Answer(price(terms, case.inputs["quantity"]).packages, int(case.expected["packages"]))


def volume_tier_index(case: Case) -> Answer:
    terms = card("volume", tiers=tiers(case.inputs["tiers"], "up_to", "unit", "flat"))
    [tier] = price(terms, case.inputs["quantity"]).tiers
    return Answer(tier.number - 1, case.expected["tier_index"])


def graduated_total(case: Case) -> Answer:
    terms = card("graduated", tiers=tiers(case.inputs["tiers"], "up_to", "unit", "flat"))
    return Answer(price(terms, case.inputs["quantity"]).amount, Fraction(case.expected["total"]))


def graduated_walk(case: Case) -> Answer:
    """From one quantity to another, tier by tier: what each takes, and what everything below it has cost."""
    terms = card("graduated", tiers=tiers(case.inputs["tiers"], "up_to", "unit", "flat"))
    begin, end = Fraction(case.inputs["from_exclusive"]), Fraction(case.inputs["to_inclusive"])
    reached = price(terms, case.inputs["to_inclusive"])
    steps = []
    for tier in reached.tiers:
        start = max(tier.start, begin)
        if tier.start + tier.quantity > begin:
            step = {"tier_index": tier.number - 1, "at_tier_boundary": start == tier.start}
            below = price_usage(terms, Decimal(start.numerator) / start.denominator).amount
            steps.append({**step, "quantity": tier.start + tier.quantity - start, "previous_total": below})
    theirs = [
        {**step, "quantity": Fraction(step["quantity"]), "previous_total": Fraction(step["previous_total"])}
        for step in case.expected["steps"]
    ]
    assert reached.billable == end
    return Answer((steps, reached.amount), (theirs, Fraction(case.expected["final_total"])))


def unit_conversion(case: Case) -> Answer | NotApplicable:
    """Divided and rounded up they are packages; divided, a price of so many units."""
    terms = {"model": "unit", "unit_amount": Decimal(1)}
    converted = openmeter_conversion(case.inputs, terms)
    if converted is None:
        return CONVERSION
    return Answer(
        price(card(**{**terms, **converted}), case.inputs["quantity"]).amount, Fraction(case.expected["quantity"])
    )


def usage_discount(case: Case) -> Answer:
    terms = card("unit", unit_amount=Decimal(1), free_units=Decimal(case.inputs["discount_quantity"]))
    before, quantity = Fraction(case.inputs["pre_line_quantity"]), Fraction(case.inputs["quantity"])
    paid_before = price(terms, case.inputs["pre_line_quantity"]).billable
    paid = price(terms, Decimal(case.inputs["pre_line_quantity"]) + Decimal(case.inputs["quantity"])).billable
    paid -= paid_before
    ours = {"quantity": paid, "pre_line_quantity": paid_before}
    ours |= {"discount_applied": quantity - paid, "discount_applied_before": before - paid_before}
    return Answer(ours, {name: Fraction(value) for name, value in case.expected.items()})


def max_spend_discount(case: Case) -> Answer:
    terms = card("unit", unit_amount=Decimal(1), maximum=Decimal(case.inputs["max_spend"]))
    before, line = Decimal(case.inputs["previously_billed"]), Decimal(case.inputs["line_amount"])
    currency = case.inputs["currency"]
    rated = rate(terms, before + line, billed=quantize(before, currency), currency=currency)
    return Answer(quantize(line, currency) - rated.difference, quantize(Decimal(case.expected["discount"]), currency))


# --- Lago ------------------------------------------------------------------------------------------------------------


def lago(case: Case) -> Answer | NotApplicable:
    asked = case.inputs
    terms = lago_card(asked)
    if isinstance(terms, NotApplicable):
        return terms
    units = sum(map(Decimal, asked["event_values"]), Decimal(0)) if "event_values" in asked else asked["units"]
    priced = price(terms, units)
    if "lines" not in case.expected:
        return Answer(priced.amount, Fraction(case.expected["amount"]))
    ours = [(tier.quantity, tier.amount - tier.flat_amount, tier.amount) for tier in priced.tiers]
    names = ("units", "per_unit_total", "total_with_flat")
    theirs = [tuple(Fraction(line[name]) for name in names) for line in case.expected["lines"]]
    return Answer((priced.amount, ours), (Fraction(case.expected["amount"]), theirs))


def lago_card(asked: Inputs) -> CardTerms | NotApplicable:
    model = asked["model"]
    if model == "standard":
        return card("unit", unit_amount=Decimal(asked["amount"]))
    if model in ("graduated", "volume"):
        return card(model, tiers=tiers(asked["ranges"], "to_value", "per_unit_amount", "flat_amount"))
    if model == "package":
        size, free = int(asked["package_size"]), Decimal(asked["free_units"])
        return card("package", unit_amount=Decimal(asked["package_amount"]), per_units=size, free_units=free)
    if model == "graduated_percentage":  # of a meter that counts money: so much for every 100 of it
        return card("graduated", per_units=100, tiers=tiers(asked["ranges"], "to_value", "rate_percent", "flat_amount"))
    if model == "percentage":
        return lago_percentage(asked)
    return PER_EVENT if model.startswith("percentage") else BY_DAYS


def lago_percentage(asked: Inputs) -> CardTerms | NotApplicable:
    of_events = ("fixed_amount_per_event", "free_events", "min_per_event", "max_per_event")
    if any(Decimal(asked.get(name) or 0) for name in of_events):
        return PER_EVENT
    free = Decimal(asked["free_units"] or 0)
    return card("unit", unit_amount=Decimal(asked["rate_percent"]), per_units=100, free_units=free)


# --- Flexprice -------------------------------------------------------------------------------------------------------


def flexprice(case: Case) -> Answer:
    asked, terms = case.inputs, flexprice_card(case.inputs)
    if "bucket_values" in asked:  # every bucket is a window of its own
        ours = sum((price(terms, value).amount for value in asked["bucket_values"]), Fraction(0))
        return Answer(ours, Fraction(case.expected["cost"]))
    priced = price(terms, asked["quantity"])
    if "tier_index" in case.expected:
        theirs = (Fraction(case.expected["cost"]), int(case.expected["tier_index"]))
        return Answer((priced.amount, priced.tiers[-1].number - 1), theirs)
    rule = BEGUN_PACKAGES if asked.get("rounding") == "down" else ""
    return Answer(priced.amount, Fraction(case.expected["cost"]), rule)


def flexprice_card(asked: Inputs) -> CardTerms:
    model = asked["model"].removeprefix("bucketed_")
    if model == "flat":  # their flat price is of every unit
        return card("unit", unit_amount=Decimal(asked["unit_price"]))
    if model == "package":
        return card("package", unit_amount=Decimal(asked["package_price"]), per_units=int(asked["package_size"]))
    return card(model, tiers=tiers(asked["tiers"], "up_to", "unit_amount", "flat_amount"))


def currency_rounding(case: Case) -> Answer:
    currency = case.inputs["currency"].upper()
    theirs = quantize(Decimal(case.expected["rounded"]), currency)
    return Answer(quantize(Decimal(case.inputs["amount"]), currency), theirs)


def commitment_true_up(case: Case) -> Answer:
    currency = case.inputs["currency"].upper()
    terms = card("unit", unit_amount=Decimal(1), minimum=Decimal(case.inputs["commitment"]))
    rated = rate(terms, Decimal(case.inputs["used"]), currency=currency)
    return Answer(rated.shortfall, quantize(Decimal(case.expected["true_up"]), currency))


def discount_percentage(case: Case) -> Answer:
    """The discount people see is what the line is lower by."""
    currency, listed = case.inputs["currency"].upper(), Decimal(case.inputs["price"])
    terms = card("unit", unit_amount=listed, discount_percent=Decimal(case.inputs["percentage_off"]))
    final = rate(terms, Decimal(1), currency=currency).amount
    ours = {"discount": quantize(listed, currency) - final, "final": final}
    theirs = {name: quantize(Decimal(value), currency) for name, value in case.expected.items()}
    return Answer({name: ours[name] for name in theirs}, theirs)


RESPONDERS = {
    "rate_line": rate_line,
    "rate_total": rate_total,
    "package_count": package_count,
    "volume_tier_index": volume_tier_index,
    "graduated_total": graduated_total,
    "graduated_walk": graduated_walk,
    "unit_conversion": unit_conversion,
    "usage_discount": usage_discount,
    "max_spend_discount": max_spend_discount,
    "lago_charge_models": lago,
    "flexprice_pricing_and_rounding": flexprice,
    "currency_rounding": currency_rounding,
    "commitment_true_up": commitment_true_up,
    "discount_percentage": discount_percentage,
    "discount_fixed": lambda _case: FIXED_DISCOUNT,
} | dict.fromkeys(TAX_KINDS, lambda _case: NotApplicable("answered where tax is"))


@pytest.mark.parametrize(("case", "answer"), answered(TALLIES, RESPONDERS))
def test_it_agrees_with_every_case_whose_rule_is_ours(case: Case, answer: Answer) -> None:
    if answer.rule:
        assert answer.ours == OURS[case.name] != answer.theirs, answer.rule
    else:
        assert answer.ours == answer.theirs


@pytest.mark.parametrize("file", TALLIES)
def test_it_leaves_no_case_out(file: str) -> None:
    assert tally(file, RESPONDERS) == TALLIES[file]


def test_it_leaves_tax_to_where_tax_is() -> None:
    kinds = [case.kind for case in load("flexprice_pricing_and_rounding")]
    assert {kind: kinds.count(kind) for kind in TAX_KINDS} == TAX_KINDS
