"""Any sequence of partial credit notes ends at the invoice's own total and tax, to the cent. No database."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from invoices.giving_back import (
    Left,
    NotReachableError,
    money_left,
    split_amount,
    split_everything,
    split_lines,
)
from invoices.tests.cast import line
from invoices.totals import NO_TAX, TaxedAmount, TaxRule, total_up
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
SHARES = st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.integers(0, 2**5)), max_size=6)


@given(LINES, st.lists(st.tuples(st.booleans(), st.integers(0, 1_000), st.integers(0, 31)), max_size=7))
def test_a_sequence_that_gives_everything_back_ends_at_the_total_and_tax(lines, steps):
    invoice = Invoice(lines)
    for by_amount, share, mask in steps:
        most = money_left(invoice.lines, invoice.before)
        assert 0 <= most == invoice.total.total - invoice.given[2]
        if by_amount and most * share // 1_000:
            asked = most * share // 1_000
            try:
                split = split_amount(asked, invoice.lines, invoice.before)
            except NotReachableError:
                assert asked < 5
                continue
            assert -invoice.give_back(split).total == asked
        elif not by_amount:
            parts = {e.line.key: e.left * share // 1_000 for n, e in enumerate(invoice.lines) if mask >> n & 1}
            split = split_lines(parts, invoice.lines, invoice.before)
            note = total_note(
                [TaxedAmount(-min(p, e.money), e.rule) for e in invoice.lines if (p := parts.get(e.line.key, 0))],
                split.before,
            )
            if -note.total <= most:
                invoice.give_back(split)
        assert invoice.given[2] <= invoice.total.total
    invoice.give_back(split_everything(invoice.lines, invoice.before))
    assert invoice.given == (invoice.total.subtotal, invoice.total.tax, invoice.total.total)
    assert all(each.left == each.money == 0 for each in invoice.lines)
