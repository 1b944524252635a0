"""Every number of docs/algorithms/documents.md."""

from dataclasses import replace
from decimal import Decimal

import pytest

from invoices.crediting import Billed, chargeable, returned_credits
from invoices.giving_back import Left, split_amount, split_everything, split_lines
from invoices.lines import total_lines
from invoices.settling import Part, settle
from invoices.taxes import REVERSE_CHARGE
from invoices.tests.cast import line, usage_line
from invoices.totals import TaxedAmount, TaxRule, total_up
from invoices.watermarks import NOTHING_BEFORE, GivenBack, sum_rows, total_note

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


class Story:
    """One line per amount, given back note by note."""

    def __init__(self, rule, *amounts):
        self.lines = [Left(line(amount, str(number)), rule, amount, amount) for number, amount in enumerate(amounts)]
        self.before = NOTHING_BEFORE

    def give_back(self, split):
        amounts = [TaxedAmount(-split.parts.get(each.line.key, 0), each.rule) for each in self.lines]
        note = total_note(amounts, split.before)
        self.lines = [
            replace(each, left=each.left + back.amount, money=each.money + back.amount)
            for each, back in zip(self.lines, amounts, strict=True)
        ]
        rows = sum_rows([*self.before.rows, *note.taxes])
        self.before = GivenBack((*self.before.amounts, *amounts), rows)
        return -note.subtotal, -note.tax


def test_tax_by_a_watermark():
    story = Story(TaxRule("VAT", Decimal(5)), 30)
    for tax in (1, 0):
        assert story.give_back(split_lines({"0": 10}, story.lines, story.before)) == (10, tax)
    assert story.give_back(split_everything(story.lines, story.before)) == (10, 1)


def test_a_cent_that_moves_the_tax():
    story = Story(VAT, 5000)
    assert story.give_back(split_amount(5007, story.lines, story.before)) == (4172, 835)
    assert story.give_back(split_everything(story.lines, story.before)) == (828, 165)
    assert split_amount(1200, Story(VAT, 2000, 1000).lines, NOTHING_BEFORE).parts == {"0": 667, "1": 333}


@pytest.mark.parametrize(
    ("payments", "first", "applied", "refunded", "kept"),
    [([700], [], 400, 600, 0), ([], [], 400, 0, 600), ([], [700], 300, 700, 0)],
)
def test_where_staff_send_it(payments, first, applied, refunded, kept):
    places = [[Part(number, amount) for number, amount in enumerate(each)] for each in (payments, first)]
    result = settle(1000, [Part(9, 400)], *places)
    assert sum(part.amount for part in result.applied) == applied
    assert sum(part.amount for part in result.refunded) == refunded
    assert result.kept == kept
