"""Any sequence of partial credit notes ends at the invoice's own total and tax, to the cent. No database."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoices.giving_back import (
    Left,
    NotReachableError,
    TooMuchError,
    back_line,
    money_left,
    split_amount,
    split_everything,
    split_lines,
)
from invoices.tests.cast import line, usage_line
from invoices.totals import NO_TAX, TaxedAmount, TaxRow, TaxRule, total_up
from invoices.watermarks import NOTHING_BEFORE, GivenBack, given_back_from, given_back_values, sum_rows, total_note


def rate(percent, *more, inclusive=False, label="VAT"):
    first, *others = (
        TaxRule(f"{label} {number}", Decimal(each), inclusive=inclusive) for number, each in enumerate((percent, *more))
    )
    return replace(first, more=tuple(others))


VAT = rate("20")
RATES = [
    VAT,
    rate("5", label="Low"),
    rate("8.875", "2.125", "0.5", label="City"),
    rate("20", inclusive=True, label="Inside"),
    rate("7", "3", inclusive=True, label="Two inside"),
    rate("60", label="High"),
    NO_TAX,
]


def left(amount, rule=VAT, key="fee", money=None):
    return Left(line(amount, key), rule, amount, amount if money is None else money)


class Invoice:
    """Lines in money and credits, and everything that is given back of them."""

    def __init__(self, lines):
        self.lines = lines
        self.before = NOTHING_BEFORE
        self.notes = []
        self.total = total_up([TaxedAmount(each.money, each.rule) for each in lines], NO_TAX)

    def give_back(self, split):
        """Money first, then credits: what `returned_credits` does."""
        amounts, after = [], []
        for each in self.lines:
            part = split.parts.get(each.line.key, 0)
            money = min(part, each.money) if part > 0 else part
            amounts += [TaxedAmount(-money, each.rule)] if part else []
            after.append(replace(each, left=each.left - part, money=each.money - money, times=each.times + bool(part)))
        note = total_note(amounts, given_back_from(given_back_values(split.before)))
        assert note == total_note(amounts, split.before)
        self.lines = after
        rows = sum_rows([*self.before.rows, *note.taxes])
        self.before = GivenBack(amounts=(*self.before.amounts, *amounts), rows=rows)
        self.notes.append(note)
        return note

    @property
    def given(self):
        return tuple(-sum(getattr(note, name) for note in self.notes) for name in ("subtotal", "tax", "total"))


LINES = st.lists(
    st.tuples(st.integers(1, 5_000), st.integers(0, 5_000), st.sampled_from(RATES)), min_size=1, max_size=5
).map(
    lambda rows: [
        Left(line(money + credits, str(number)), rule, money + credits, money)
        for number, (money, credits, rule) in enumerate(rows)
    ]
)
STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 1_000), st.integers(0, 31)), max_size=7)
UNUSED = st.lists(st.tuples(st.integers(1, 2_000), st.sampled_from(RATES)), max_size=2).map(
    lambda rows: [left(-amount, rule, f"unused {number}") for number, (amount, rule) in enumerate(rows)]
)


def by_amount(invoice, share, mask, most):
    asked = most * share // 1_000
    if asked:
        try:
            split = split_amount(asked, invoice.lines, invoice.before)
        except NotReachableError:
            assert asked < 5
        else:
            assert -invoice.give_back(split).total == asked


def by_lines(invoice, share, mask, most):
    chosen = [each for number, each in enumerate(invoice.lines) if mask >> number & 1]
    parts = {each.line.key: each.left * share // 1_000 for each in chosen}
    if any(parts.values()):
        split = split_lines(parts, invoice.lines, invoice.before)
        money = [TaxedAmount(-min(parts[each.line.key], each.money), each.rule) for each in chosen]
        if -total_note([each for each in money if each.amount], split.before).total <= most:
            invoice.give_back(split)


@settings(deadline=None)  # a busy machine is no fault of the arithmetic
@given(LINES, STEPS)
def test_a_sequence_that_gives_everything_back_ends_at_the_total_and_tax(lines, steps):
    invoice = Invoice(lines)
    for is_amount, share, mask in steps:
        most = money_left(invoice.lines, invoice.before)
        assert 0 <= most == invoice.total.total - invoice.given[2]
        (by_amount if is_amount else by_lines)(invoice, share, mask, most)
        assert invoice.given[2] <= invoice.total.total
    invoice.give_back(split_everything(invoice.lines, invoice.before))
    assert invoice.given == (invoice.total.subtotal, invoice.total.tax, invoice.total.total)
    assert all(each.left == each.money == 0 for each in invoice.lines)


@settings(deadline=None)  # a busy machine is no fault of the arithmetic
@given(LINES, UNUSED, st.lists(st.integers(1, 999), max_size=4))
def test_a_document_with_lines_below_zero_ends_at_its_total_too(lines, unused, shares):
    invoice = Invoice([*lines, *unused])
    for share in shares:
        asked = money_left(invoice.lines, invoice.before) * share // 1_000
        if asked > 0:
            try:
                split = split_amount(asked, invoice.lines, invoice.before)
            except NotReachableError:
                continue
            assert -invoice.give_back(split).total == asked
    invoice.give_back(split_everything(invoice.lines, invoice.before))
    assert invoice.given == (invoice.total.subtotal, invoice.total.tax, invoice.total.total)


@settings(deadline=None)  # a busy machine is no fault of the arithmetic
@given(LINES, st.integers(0, 1_000))
def test_an_amount_is_split_to_the_cent_and_in_proportion(lines, share):
    most = money_left(lines, NOTHING_BEFORE)
    asked = max(most * share // 1_000, 1)
    try:
        split = split_amount(asked, lines, NOTHING_BEFORE)
    except (NotReachableError, TooMuchError):
        assert asked < 5
        return
    net, money = sum(split.parts.values()), sum(each.money for each in lines)
    for each in lines:
        assert abs(split.parts.get(each.line.key, 0) - each.money * net / money) < 1
    assert sum(abs(row.tax) for row in split.before.cents) <= 2


@pytest.mark.parametrize("asked", [0, -1, 121])
def test_an_amount_is_above_zero_and_within_what_is_left(asked):
    with pytest.raises(TooMuchError):
        split_amount(asked, [left(100)], NOTHING_BEFORE)


@pytest.mark.parametrize("parts", [{}, {"fee": 0}, {"fee": 101}, {"fee": -1}, {"other": 1}])
def test_lines_give_back_something_and_no_more_than_they_have(parts):
    with pytest.raises(TooMuchError):
        split_lines(parts, [left(100)], NOTHING_BEFORE)


def test_a_cent_that_no_tax_rate_can_split_is_refused():
    high = rate("60")
    with pytest.raises(NotReachableError):
        split_amount(1, [left(1, high)], NOTHING_BEFORE)
    assert split_amount(2, [left(1, high)], NOTHING_BEFORE).parts == {"fee": 1}


def test_one_rates_cents_are_no_other_rates_business():
    """Only the last note makes up for the roundings of rates that none of its lines has."""
    low = rate("5", label="Low")
    before = GivenBack((TaxedAmount(-10, low),), (TaxRow(low, -10, 0),))  # 0.005 of tax was not given back
    assert [row.rule for row in total_note([TaxedAmount(-100, VAT)], before).taxes] == [VAT]
    last = total_note([TaxedAmount(-100, VAT)], replace(before, is_last=True))
    assert (last.tax, {row.rule: row.tax for row in last.taxes}) == (-21, {low: -1, VAT: -20})


def test_rates_that_share_a_tax_are_rounded_together():
    state, city = TaxRule("State", Decimal(5)), TaxRule("City", Decimal(5))
    before = GivenBack((TaxedAmount(-5, replace(state, more=(city,))),), (TaxRow(state, -5, 0), TaxRow(city, -5, 0)))
    note = total_note([TaxedAmount(-5, state)], before)
    assert {row.rule: (row.base, row.tax) for row in note.taxes} == {state: (-5, -1)}


def test_a_whole_line_comes_back_as_it_was_and_a_part_as_a_sum():
    whole = back_line(Left(usage_line(235, key="usage"), VAT, 235, 235), 235, "USD")
    assert (whole.key, whole.amount, whole.corrects, whole.quantity) == ("usage:given-back", -235, "usage", 12345)
    part = back_line(replace(left(4900), times=2), 1000, "USD")
    assert (part.key, part.amount, part.detail) == ("fee:given-back:3", -1000, "$10.00 of $49.00")
    assert (part.quantity, part.unit_amount, part.explain) == (1, None, {})
