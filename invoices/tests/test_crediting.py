"""Which part of a document's lines credit may pay, and what a correcting line gives back. No database."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.periods import Period
from credits.stated import Stated
from invoices.crediting import Billed, chargeable, credits_of, returned_credits
from invoices.statements import statement_rows
from invoices.tests.cast import line, usage_line


def test_every_line_above_zero_may_be_charged():
    lines = [line(4900, "fee"), usage_line(235, key="usage"), line(0, "nothing")]
    assert chargeable(lines, {}) == {"fee": 4900, "usage": 235}


def test_a_line_below_zero_reduces_its_own_feature_before_others():
    lines = [usage_line(300, key="usage"), line(500, "fee"), usage_line(-400, key="late")]
    assert chargeable(lines, {}) == {"fee": 400}


def test_it_reduces_from_the_last_line_backwards():
    lines = [line(500, "first"), line(500, "second"), line(-700, "unused", feature_key="seats")]
    assert chargeable(lines, {}) == {"first": 300}


def test_what_one_feature_gives_back_never_eats_what_another_needs():
    lines = [
        usage_line(100, key="a", feature_key="a"),
        usage_line(100, key="b", feature_key="b"),
        usage_line(-150, key="back-a", feature_key="a"),
        usage_line(-100, key="back-b", feature_key="b"),
    ]
    assert chargeable(lines, {}) == {}


def test_nothing_is_charged_where_more_is_given_back_than_billed():
    assert chargeable([line(100, "fee"), line(-400, "back")], {}) == {}


def test_credits_given_back_reduce_no_other_line():
    lines = [line(6000, "new"), line(-5000, "unused", corrects="old")]
    returned = returned_credits(lines, {"old": Billed(money=2000, credits=8000)})
    assert returned == {"unused": 3000}
    assert chargeable(lines, returned) == {"new": 4000}


@pytest.mark.parametrize(
    ("amount", "money", "credits", "returned"),
    [
        (-5000, 2000, 8000, {"back": 3000}),  # money first, then credits
        (-2000, 2000, 8000, {}),
        (-2001, 2000, 8000, {"back": 1}),
        (-9999, 0, 8000, {"back": 8000}),  # more than was billed is money
        (-5000, 0, 0, {}),
        (5000, 0, 8000, {}),  # nothing is given back above zero
    ],
)
def test_a_correction_gives_back_money_first(amount, money, credits, returned):
    assert returned_credits([line(amount, "back", corrects="old")], {"old": Billed(money, credits)}) == returned


def test_lines_that_correct_the_same_one_follow_each_other():
    lines = [line(-3000, "first", corrects="old"), line(-3000, "second", corrects="old")]
    returned = returned_credits(lines, {"old": Billed(money=2000, credits=8000)})
    assert returned == {"first": 1000, "second": 3000}


def test_a_correction_of_an_unknown_line_is_money():
    assert returned_credits([line(-100, "back", corrects="gone")], {}) == {}


AMOUNTS = st.lists(st.tuples(st.integers(-5000, 5000), st.sampled_from(["", "a", "b"])), max_size=8)


@given(AMOUNTS, st.integers(0, 3000), st.integers(0, 3000))
def test_credit_never_makes_a_document_negative(rows, money, credits):
    lines = [
        line(amount, str(number), feature_key=feature, corrects="old" if amount < 0 else "")
        for number, (amount, feature) in enumerate(rows)
    ]
    returned = returned_credits(lines, {"old": Billed(money, credits)})
    asked = chargeable(lines, returned)
    paid = credits_of(asked, returned)
    net = sum(one.amount - paid.get(one.key, 0) for one in lines)
    without = sum(one.amount for one in lines) + sum(returned.values())
    assert net == min(without, 0)
    assert sum(returned.values()) <= credits
    for one in lines:
        assert min(one.amount, 0) <= paid.get(one.key, 0) <= max(one.amount, 0)


def test_rows_lead_from_opening_to_closing():
    october = Period(date(2026, 10, 1), date(2026, 11, 1))
    instants = [(n, datetime(2026, 10, 1 + n // 4, n % 24, tzinfo=UTC)) for n in range(1, 40)]
    movements = [Stated(n, "consumed", -n, instant, f"Feature {n % 2}", "") for n, instant in instants]
    rows = statement_rows(movements, period=october, opening=5000)
    assert sum(row.amount for row in rows.period) == sum(movement.amount for movement in movements)
    assert rows.period[-1].after == 5000 - sum(range(1, 40))
    assert all(row.count == 2 for row in rows.period[2:-2])
