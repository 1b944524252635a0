"""Every number of docs/algorithms/documents.md."""

from decimal import Decimal

import pytest

from invoices.settling import Part, settle
from invoices.taxes import REVERSE_CHARGE
from invoices.totals import TaxedAmount, TaxRule, total_up

VAT = TaxRule("VAT", Decimal(20))
THREE = TaxRule("State", Decimal("8.875"), more=(TaxRule("City", Decimal("2.125")), TaxRule("County", Decimal("0.5"))))


@pytest.mark.parametrize(
    ("lines", "rule", "net", "taxes", "total"),
    [
        ([1797, 235], VAT, 2032, [406], 2438),
        ([10], TaxRule("VAT", Decimal(5)), 10, [1], 11),
        ([9999], THREE, 9999, [887, 212, 50], 11148),
        ([4900], TaxRule("VAT", Decimal(20), inclusive=True), 4083, [817], 4900),
        ([2000, TaxedAmount(-1000, VAT)], REVERSE_CHARGE, 1000, [0, -200], 800),
    ],
)
def test_how_much(lines, rule, net, taxes, total):
    totals = total_up(lines, rule)
    assert (totals.subtotal, [row.tax for row in totals.taxes], totals.total) == (net, taxes, total)


@pytest.mark.parametrize(
    ("credit", "due", "paid", "applied", "refunded", "kept"),
    [
        (1200, [1000, 500], [], [1000, 200], [], 0),
        (1797, [], [4900], [], [1797], 0),
        (1500, [], [1000], [], [1000], 500),
        (3000, [400], [1000, 900], [400], [1000, 900], 700),
    ],
)
def test_where_a_credit_goes(credit, due, paid, applied, refunded, kept):
    result = settle(credit, [Part(*row) for row in enumerate(due)], [Part(*row) for row in enumerate(paid)])
    assert [part.amount for part in result.applied] == applied
    assert [part.amount for part in result.refunded] == refunded
    assert result.kept == kept
