"""Every number of docs/algorithms/documents.md."""

from decimal import Decimal

import pytest

from invoices.crediting import Billed, chargeable, returned_credits
from invoices.lines import total_lines
from invoices.settling import Part, settle
from invoices.taxes import REVERSE_CHARGE
from invoices.tests.cast import line, usage_line
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


@pytest.mark.parametrize(
    ("lines", "asked", "credit", "figures"),
    [
        ([line(4900, "fee"), usage_line(235, key="usage")], {"fee": 4900, "usage": 235}, 4000, (1135, 227, 1362)),
        ([line(4900, "fee"), line(-1000, "unused")], {"fee": 3900}, 9000, (0, 0, 0)),
        ([usage_line(300, key="usage"), line(500, "fee"), usage_line(-400, key="late")], {"fee": 400}, 900, (0, 0, 0)),
        ([line(100, "fee"), line(-1200, "unused")], {}, 9000, (-1100, -220, -1320)),
    ],
)
def test_what_credit_pays(lines, asked, credit, figures):
    may = chargeable(lines, {})
    assert may == asked
    paid = {}
    for key, amount in may.items():
        paid[key] = min(credit, amount)
        credit -= paid[key]
    totals = total_lines(lines, VAT, {}, paid)
    assert (totals.subtotal, totals.tax, totals.total) == figures


@pytest.mark.parametrize(
    ("billed", "amount", "credits"),
    [(Billed(900, 4000), 1200, 300), (Billed(0, 3700), 1000, 1000), (Billed(4900, 0), 1200, 0)],
)
def test_what_a_correction_gives_back(billed, amount, credits):
    returned = returned_credits([line(-amount, "back", corrects="fee")], {"fee": billed})
    assert sum(returned.values()) == credits
