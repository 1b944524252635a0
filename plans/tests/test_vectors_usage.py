"""Tiers of blocks and late usage against the cases of Kill Bill, rated by the same code that bills."""

from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

import pytest

from core.money import quantize
from core.tests.vectors import Answer, Case, NotApplicable, Responder, answered, tally
from plans.pricing import CardTerms, Tier
from plans.tests.pricing_cases import Inputs, card, price, rate

EXACT_TIERS = "tiers price parts of a unit exactly; only a package is rounded up"
CAPACITY = NotApplicable("a price is of one feature")

TALLIES = {"killbill_usage": {"same": 12, "differ": 2, "not applicable": 8}}
OURS: dict[str, Any] = {
    "usage_all_tiers_testComputeBilledUsageWith_ALL_TIERS": {("unit", 1): 10, ("unit", 2): Fraction("4.325")},
    "usage_top_tier_testComputeBilledUsageWith_TOP_TIER_101001": {("unit", 3): Fraction("50.5005")},
}


def killbill_card(rows: list[Inputs], policy: str) -> CardTerms:
    """Blocks per tier as prices of so many units; a single tier of blocks is a package. The last tier is open."""
    sizes = [int(row["block_size"]) for row in rows]
    if len(rows) == 1:
        return card("package", unit_amount=Decimal(rows[0]["price_per_block"]), per_units=sizes[0])
    per_units, bound, found = lcm(*sizes), 0, []
    for row, size in zip(rows, sizes, strict=True):
        bound += size * int(row["max_blocks"])
        last = row is rows[-1]
        found.append(Tier(None if last else Decimal(bound), Decimal(row["price_per_block"]) * (per_units // size)))
    return card("graduated" if policy == "all_tiers" else "volume", per_units=per_units, tiers=tuple(found))


def consumable_usage(case: Case) -> Answer:
    ours: dict[tuple[str, int], Fraction] = {}
    for unit in case.inputs["units"]:
        priced = price(killbill_card(unit["tiers"], case.inputs["tier_policy"]), unit["quantity"])
        ours |= {(unit["unit"], tier.number): tier.amount for tier in priced.tiers}
        if not priced.tiers:
            ours[unit["unit"], 1] = priced.amount
    theirs = {(line["unit"], line["tier"]): Fraction(line["amount"]) for line in case.expected["lines"]}
    assert sum(theirs.values()) == Fraction(case.expected["total"])
    return Answer(ours, theirs, "" if ours == theirs else EXACT_TIERS)


def consumable_usage_incremental(case: Case) -> Answer:
    """Late usage: what everything comes to, less what was billed."""
    ours = 0
    for unit in case.inputs["units"]:
        rows = unit["already_billed"]
        billed = case.inputs["already_billed_total"] if rows is None else sum(Decimal(row["amount"]) for row in rows)
        terms = killbill_card(unit["tiers"], case.inputs["tier_policy"])
        ours += rate(terms, Decimal(unit["total_quantity"]), billed=quantize(Decimal(billed), "USD")).total_difference
    return Answer(ours, quantize(Decimal(case.expected["total"]), "USD"))


def consumable_usage_periods(case: Case) -> Answer:
    asked, terms = case.inputs, killbill_card(case.inputs["tiers"], case.inputs["tier_policy"])
    ours = []
    for (first, end), billed in zip(asked["periods"], asked["already_billed"], strict=True):
        used = sum(Decimal(record["quantity"]) for record in asked["records"] if first <= record["date"] < end)
        rated = rate(terms, Decimal(used), billed=quantize(Decimal(billed), "USD"))
        ours.append((rated.total, rated.total_difference))
    theirs = zip(case.expected["gross_amounts"], case.expected["new_amounts"], strict=True)
    return Answer(ours, [(quantize(Decimal(gross), "USD"), quantize(Decimal(new), "USD")) for gross, new in theirs])


RESPONDERS: dict[str, Responder] = {
    "consumable_usage": consumable_usage,
    "consumable_usage_incremental": consumable_usage_incremental,
    "consumable_usage_incremental_periods": consumable_usage_periods,
    "capacity_usage": lambda _case: CAPACITY,
}


@pytest.mark.parametrize(("case", "answer"), answered(TALLIES, RESPONDERS))
def test_it_agrees_with_every_case_whose_rule_is_ours(case: Case, answer: Answer) -> None:
    if answer.rule:
        assert answer.ours == OURS[case.name] != answer.theirs, answer.rule
    else:
        assert answer.ours == answer.theirs


@pytest.mark.parametrize("file", TALLIES)
def test_it_leaves_no_case_out(file: str) -> None:
    assert tally(file, RESPONDERS) == TALLIES[file]
