"""Rounding and splitting of money against the cases of another billing engine."""

from decimal import Decimal
from fractions import Fraction

import pytest

from core.money import allocate, quantize, round_half_away, to_major
from core.tests.vectors import Answer, Case, answered, tally

TALLIES = {"openmeter_money": {"same": 21}}


def rounded(case: Case) -> Answer:
    """Also to a precision that no currency has."""
    scale = 10 ** case.inputs["precision"]
    ours = Fraction(round_half_away(Fraction(case.inputs["amount"]) * scale), scale)
    return Answer(ours, Fraction(case.expected["amount"]))


def allocated(case: Case) -> Answer:
    """Ties go to the first, so who breaks them otherwise brings the items in that order. Parts of 0 are left out."""
    scale, items = 10 ** case.inputs["precision"], list(case.inputs["items"])
    if case.inputs["tie_break"] == "key":
        items.sort(key=lambda item: str(item["key"]))
    parts = allocate(round_half_away(Fraction(case.inputs["amount"]) * scale), [Decimal(i["weight"]) for i in items])
    ours = {item["key"]: Fraction(part, scale) for item, part in zip(items, parts, strict=True) if part}
    return Answer(ours, {part["key"]: Fraction(part["amount"]) for part in case.expected["allocations"]})


def credit_purchase(case: Case) -> Answer:
    currency = case.inputs["currency"]
    price = Decimal(case.inputs["credits"]) * Decimal(case.inputs["per_unit_cost_basis"])
    return Answer(to_major(quantize(price, currency), currency), Decimal(case.expected["amount"]))


RESPONDERS = {"round": rounded, "allocate": allocated, "credit_purchase_amount": credit_purchase}


@pytest.mark.parametrize(("case", "answer"), answered(TALLIES, RESPONDERS))
def test_it_rounds_and_splits_as_others_do(case: Case, answer: Answer) -> None:
    assert answer.ours == answer.theirs


@pytest.mark.parametrize("file", TALLIES)
def test_it_leaves_no_case_out(file: str) -> None:
    assert tally(file, RESPONDERS) == TALLIES[file]
