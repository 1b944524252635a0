"""Which tax, and what it comes to: no database."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.taxes import OUTSIDE_EU, REVERSE_CHARGE, decide
from invoices.totals import (
    NO_TAX,
    TaxCategory,
    TaxedAmount,
    TaxRule,
    row_from,
    row_values,
    rules_from,
    rules_values,
    total_up,
)

VAT = TaxRule("VAT", Decimal(20))
REDUCED = TaxRule("VAT", Decimal("5.5"))
GROSS = TaxRule("VAT", Decimal(20), inclusive=True)
CITY = TaxRule("City tax", Decimal("2.125"))
TABLE = {"FR": VAT, "DE": TaxRule("USt", Decimal(19))}
EXEMPT = TaxRule("VAT", Decimal(0), "E", "Article 132", "VATEX-EU-132")


def rule(customer="", *, seller="FR", valid=False, table=TABLE):
    return decide(seller_country=seller, customer_country=customer, tax_id_valid=valid, table=table)


# --- which rule -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("customer", "valid", "expected"),
    [
        ("FR", False, VAT),
        ("FR", True, VAT),  # at home a VAT id changes nothing
        ("DE", False, TABLE["DE"]),
        ("DE", True, REVERSE_CHARGE),
        ("IT", True, REVERSE_CHARGE),
        ("IT", False, NO_TAX),
        ("US", False, OUTSIDE_EU),
        ("US", True, OUTSIDE_EU),
        ("", False, NO_TAX),
    ],
)
def test_it_decides_by_where_both_are(customer, valid, expected):
    assert rule(customer, valid=valid) == expected


def test_reverse_charge_carries_what_documents_must_say():
    assert (REVERSE_CHARGE.category, REVERSE_CHARGE.reason, REVERSE_CHARGE.reason_code) == (
        "AE",
        "Reverse charge",
        "VATEX-EU-AE",
    )


def test_a_country_that_the_seller_marked_stays_as_marked():
    assert rule("DE", valid=True, table=TABLE | {"DE": EXEMPT}) == EXEMPT


def test_a_seller_outside_the_eu_knows_no_reverse_charge():
    assert rule("DE", seller="US", valid=True, table={"": VAT}) == VAT


@pytest.mark.parametrize(("label", "category"), [("VAT", TaxCategory.ZERO_RATED), ("", TaxCategory.OUTSIDE_SCOPE)])
def test_a_standard_rate_of_zero_is_none(label, category):
    assert rule("IT", table={"": TaxRule(label, Decimal(0))}).category == category


# --- how much -------------------------------------------------------------------------------------------------------
def figures(totals):
    return totals.subtotal, totals.tax, totals.total


def test_it_rounds_once_per_rate_on_the_sum_of_its_lines():
    assert figures(total_up([3, 3, 3], TaxRule("VAT", Decimal(5)))) == (9, 0, 9)
    assert figures(total_up([10], TaxRule("VAT", Decimal(5)))) == (10, 1, 11)  # 0.5 goes away from zero
    assert figures(total_up([-10], TaxRule("VAT", Decimal(5)))) == (-10, -1, -11)


def test_a_document_may_have_several_rates():
    totals = total_up([1000, TaxedAmount(333, REDUCED), 1000], VAT)
    assert figures(totals) == (2333, 418, 2751)
    assert [(row.rule, row.base, row.tax) for row in totals.taxes] == [(VAT, 2000, 400), (REDUCED, 333, 18)]


def test_several_taxes_on_one_amount_are_each_rounded():
    rates = TaxRule("State", Decimal("8.875"), more=(CITY, TaxRule("County", Decimal("0.5"))))
    assert [row.tax for row in total_up([9999], rates).taxes] == [887, 212, 50]


def test_the_same_rate_is_one_row_wherever_it_comes_from():
    both = TaxRule("VAT", Decimal(20), more=(CITY,))
    totals = total_up([1, TaxedAmount(1, both)], VAT)
    assert [(row.rule, row.base) for row in totals.taxes] == [(VAT, 2), (CITY, 1)]


def test_an_inclusive_rate_is_gross_minus_net():
    totals = total_up([4900], GROSS)
    assert (totals.subtotal, totals.tax, totals.total, totals.included) == (4083, 817, 4900, 817)


def test_no_tax_keeps_its_row_and_reason():
    [row] = total_up([4900], REVERSE_CHARGE).taxes
    assert (row.base, row.tax, row.rule.reason) == (4900, 0, "Reverse charge")


def test_a_correction_is_taxed_as_what_it_corrects():
    totals = total_up([2000, TaxedAmount(-1000, VAT)], REVERSE_CHARGE)
    assert figures(totals) == (1000, -200, 800)


RATES = st.builds(
    TaxRule,
    label=st.sampled_from(["VAT", "GST"]),
    percent=st.decimals(0, 40, places=3),
    inclusive=st.booleans(),
    more=st.lists(st.builds(TaxRule, label=st.just("City"), percent=st.decimals(0, 10, places=3)), max_size=2).map(
        tuple
    ),
)
AMOUNTS = st.integers(-(10**9), 10**9)
LINES = st.lists(AMOUNTS | st.builds(TaxedAmount, AMOUNTS, RATES), max_size=8)


@given(lines=LINES, rates=RATES)
def test_not_a_cent_is_lost_or_made(lines, rates):
    totals = total_up(lines, rates)
    listed = sum(line if isinstance(line, int) else line.amount for line in lines)
    assert totals.subtotal + totals.included == listed
    assert totals.tax == sum(row.tax for row in totals.taxes)
    assert totals.total == totals.subtotal + totals.tax


@given(lines=LINES, rates=RATES)
def test_the_opposite_lines_make_the_opposite_document(lines, rates):
    opposite = [-line if isinstance(line, int) else TaxedAmount(-line.amount, line.rule) for line in lines]
    assert total_up(opposite, rates).total == -total_up(lines, rates).total


@given(amounts=st.lists(AMOUNTS, min_size=1, max_size=8), rates=RATES)
def test_how_the_lines_are_cut_changes_nothing(amounts, rates):
    assert total_up(amounts, rates) == total_up([sum(amounts)], rates)


@given(lines=LINES, rates=RATES)
def test_what_is_stored_is_read_back(lines, rates):
    assert rules_from(rules_values(rates)) == rates
    totals = total_up(lines, rates)
    assert tuple(row_from(row_values(row)) for row in totals.taxes) == totals.taxes
