"""Which credit pays for what: the tables of docs/algorithms/draw-down.md, and what holds for any credit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credits.charges import ChargeDraft
from credits.drawdown import (
    Allocated,
    Drawn,
    Open,
    Owed,
    Part,
    Source,
    available_for,
    draw,
    in_draw_order,
    is_eligible,
    may_repay,
    repay,
    settled_for,
    spendable_for,
    unwind,
)
from credits.exceptions import CorrectionError
from credits.state import GrantState, Purse

DAY = timedelta(days=1)
AT = datetime(2026, 4, 10, tzinfo=UTC)
ANYTHING: frozenset[str] = frozenset()


def april(day):
    return datetime(2026, 4, day, tzinfo=UTC)


def source(name, available, *features, **facts):
    usual = {"priority": 10, "effective_at": april(1), "expires_at": None, "granted_at": april(1)}
    return Source(id=ord(name), available=available, features=frozenset(features), **(usual | facts))


def told(parts):
    """("A", 1000) for each part."""
    return [(chr(number), amount) for number, amount in parts]


def drawn(sources, amount, feature_key, at=AT):
    result = draw(sources, amount=amount, feature_key=feature_key, at=at)
    return told((part.source_id, part.amount) for part in result.parts)


SHELF = [
    source("F", 5000, granted_at=april(2)),
    source("I", 9900, priority=1, effective_at=april(11)),
    source("H", 9900, priority=1, expires_at=april(10)),
    source("G", 9900, "storage", priority=1),
    source("E", 1000),
    source("D", 3000, expires_at=april(15)),
    source("C", 2000, "api", "storage"),
    source("B", 1500, "api", expires_at=april(20)),
    source("A", 1000, priority=1),
]


# --- order and eligibility -------------------------------------------------------------------------------------------
def test_it_draws_in_the_documented_order():
    first_to_last = [("A", 1000), ("B", 1500), ("C", 2000), ("D", 3000), ("E", 1000), ("F", 500)]
    assert drawn(SHELF, 9000, "api") == first_to_last
    assert drawn(SHELF[::-1], 9000, "api") == first_to_last


def test_it_pays_without_a_feature_from_unrestricted_credit_only():
    assert drawn(SHELF, 9000, "") == [("A", 1000), ("D", 3000), ("E", 1000), ("F", 4000)]


def test_it_lets_restricted_credit_of_the_same_priority_pay_first():
    assert drawn(SHELF, 9000, "storage") == [("G", 9000)]


def test_it_leaves_uncovered_what_no_credit_pays():
    result = draw(SHELF, amount=20000, feature_key="api", at=AT)
    assert result.uncovered == 20000 - sum(part.amount for part in result.parts) == 6500


@pytest.mark.parametrize(
    ("facts", "eligible"),
    [
        ({}, True),
        ({"effective_at": AT}, True),
        ({"effective_at": AT + timedelta(microseconds=1)}, False),
        ({"expires_at": AT}, False),
        ({"expires_at": AT + timedelta(microseconds=1)}, True),
        ({"expires_at": AT - DAY}, False),
        ({"features": frozenset({"api"})}, True),
        ({"features": frozenset({"api", "storage"})}, True),
        ({"features": frozenset({"storage"})}, False),
    ],
)
def test_it_takes_credit_that_is_in_force_and_for_the_feature(facts, eligible):
    assert is_eligible(replace(source("A", 1), **facts), feature_key="api", at=AT) is eligible


def test_it_takes_restricted_credit_for_no_charge_without_a_feature():
    assert not is_eligible(source("A", 1, "api"), feature_key="", at=AT)
    assert is_eligible(source("A", 1), feature_key="", at=AT)


def test_it_decides_by_the_booking_instant_not_by_when_it_runs():
    ends = [source("A", 100, expires_at=AT + timedelta(minutes=10))]
    assert drawn(ends, 60, "api", at=AT) == [("A", 60)]
    assert drawn(ends, 60, "api", at=AT + timedelta(minutes=10)) == []


def test_it_shows_people_every_grant_in_order():
    names = [chr(one.id) for one in in_draw_order(SHELF, feature_key=None, at=AT)]
    assert names == ["G", "H", "A", "I", "B", "C", "D", "E", "F"]


def test_it_breaks_the_last_tie_by_the_grant_itself():
    assert drawn([source("B", 5), source("A", 5)], 7, "") == [("A", 5), ("B", 2)]


def test_it_draws_nothing_for_nothing_and_refuses_less():
    assert draw(SHELF, amount=0, feature_key="", at=AT) == Drawn((), 0)
    assert draw([source("A", 0)], amount=5, feature_key="", at=AT) == Drawn((), 5)
    with pytest.raises(ValueError, match="a charge of -1"):
        draw(SHELF, amount=-1, feature_key="", at=AT)


# --- repaying --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("overdraft", "amount", "features", "repaid", "available", "balance"),
    [
        ({"": 4000}, 10000, (), {"": 4000}, 6000, 6000),
        ({"": 4000}, 3000, (), {"": 3000}, 0, -1000),
        ({"api": 4000, "storage": 3000}, 10000, ("api",), {"api": 4000}, 6000, 3000),
        ({"api": 4000, "": 2500, "storage": 3000}, 8000, (), {"api": 4000, "": 2500, "storage": 1500}, 0, -1500),
        ({"": 4000}, 10000, ("api",), {}, 10000, 6000),
    ],
)
def test_it_repays_the_oldest_overdraft_that_a_grant_may_pay_for(
    overdraft, amount, features, repaid, available, balance
):
    owed = [Owed(number, feature, debt) for number, (feature, debt) in enumerate(overdraft.items())]
    parts, rest = repay(owed, amount=amount, features=frozenset(features))
    assert {owed[number].feature_key: part for number, part in parts} == repaid
    assert rest == available
    left = [replace(one, amount=one.amount - dict(parts).get(one.charge_id, 0)) for one in owed]
    new = source("A", rest, *features)
    assert settled_for([new], owed=left, feature_key=None, at=AT) == balance


def test_it_repays_a_feature_only_by_credit_that_may_pay_for_it():
    assert may_repay(ANYTHING, "")
    assert may_repay(ANYTHING, "api")
    assert may_repay(frozenset({"api"}), "api")
    assert not may_repay(frozenset({"api"}), "storage")
    assert not may_repay(frozenset({"api"}), "")


def _grant_state(amount, *, effective_at, expires_at=None):
    return GrantState(
        id=1, public_id="grt_1", customer_id=1, currency="USD", funding="promotional", name="Grant", priority=10,
        features=ANYTHING, effective_at=effective_at, expires_at=expires_at, created_at=april(1), paid_at=None,
        released_at=None, settled_at=None, pending=amount, available=0, repaid=0, used=0, expired=0, voided=0,
    )  # fmt: skip


def _use(purse, amount, at):
    draft = ChargeDraft(
        key=f"use:{at}", group="use", customer_id=1, currency="USD", feature_key="api", amount=amount, booked_at=at,
        may_overdraw=True, is_final=True, title="Usage",
    )  # fmt: skip
    purse.charge(draft, at)


def test_it_repays_at_once_with_credit_that_is_effective_later():
    purse = Purse(1, "USD", [])
    _use(purse, 4000, april(1))
    purse.fund(_grant_state(10000, effective_at=april(5)), april(1))
    _use(purse, 1500, april(3))
    purse.book_due(april(6))
    rows = [(row.kind, row.amount, row.booked_at) for row in purse.journal]
    assert rows == [
        ("consumed", -4000, april(1)),
        ("funded", 4000, april(1)),
        ("consumed", -1500, april(3)),
        ("funded", 6000, april(5)),
    ]
    assert sum(row.amount for row in purse.journal) == purse.grants[1].available == 4500


@pytest.mark.parametrize(("used", "rows"), [(500, [-1500]), (2000, []), (0, [-2000])])
def test_it_lets_only_unused_credit_expire(used, rows):
    purse = Purse(1, "USD", [])
    purse.fund(_grant_state(2000, effective_at=april(1), expires_at=april(8)), april(1))
    if used:
        _use(purse, used, april(2))
    purse.book_due(april(8) - timedelta(microseconds=1))
    assert not [row for row in purse.journal if row.kind == "expired"]
    purse.book_due(april(8))
    purse.book_due(april(9))
    assert [row.amount for row in purse.journal if row.kind == "expired"] == rows


# --- giving back -----------------------------------------------------------------------------------------------------
PAID = [Allocated(ord("A"), 1000), Allocated(ord("B"), 2500), Allocated(ord("C"), 900)]  # C repaid later


@pytest.mark.parametrize(
    ("amount", "overdraft", "parts"),
    [
        (400, 400, []),
        (1000, 600, [("C", 400)]),
        (2000, 600, [("C", 900), ("B", 500)]),
        (5000, 600, [("C", 900), ("B", 2500), ("A", 1000)]),
    ],
)
def test_it_gives_back_overdraft_first_then_what_paid_last(amount, overdraft, parts):
    undone = unwind(PAID, overdraft=600, amount=amount)
    assert (undone.overdraft, told(undone.parts)) == (overdraft, parts)


@pytest.mark.parametrize("amount", [5001, 0, -1])
def test_it_never_gives_back_more_than_is_held_nor_nothing(amount):
    with pytest.raises(CorrectionError):
        unwind(PAID, overdraft=600, amount=amount)


def test_it_passes_over_what_was_given_back_before():
    assert unwind([Allocated(1, 5), Allocated(2, 0)], overdraft=0, amount=5).parts == ((1, 5),)


# --- balances --------------------------------------------------------------------------------------------------------
CREDIT = [source("A", 10000), source("B", 1000, "api"), source("C", 2000, "storage")]


def open_charges(api, *, may_overdraw):
    return [Open("", 500, may_overdraw), Open("api", api, may_overdraw)]


@pytest.mark.parametrize("may_overdraw", [True, False])
@pytest.mark.parametrize(
    ("feature_key", "settled", "available"),
    [(None, 13000, 8800), ("", 10000, 9500), ("api", 11000, 6800), ("storage", 12000, 11500)],
)
def test_it_counts_what_concerns_a_feature(feature_key, settled, available, may_overdraw):
    charges = open_charges(3700, may_overdraw=may_overdraw)
    assert settled_for(CREDIT, feature_key=feature_key, at=AT) == settled
    assert available_for(CREDIT, feature_key=feature_key, at=AT, open_charges=charges) == available


@pytest.mark.parametrize(("may_overdraw", "available"), [(True, -1200), (False, 2000)])
def test_it_takes_for_an_invoice_only_as_much_as_credit_reaches(may_overdraw, available):
    charges = open_charges(13700, may_overdraw=may_overdraw)
    assert available_for(CREDIT, feature_key=None, at=AT, open_charges=charges) == available


def test_it_takes_for_an_invoice_what_credits_only_charges_leave():
    charges = [Open("", 80, may_overdraw=False), Open("", 70, may_overdraw=True)]
    assert available_for([source("A", 100)], feature_key=None, at=AT, open_charges=charges) == 0


def test_it_takes_nothing_away_for_a_fee_before_its_time():
    fee = Open("", 30, may_overdraw=True, settles_at=AT + DAY)
    credit = [source("A", 100)]
    assert available_for(credit, feature_key=None, at=AT, open_charges=[fee]) == 100
    assert available_for(credit, feature_key=None, at=AT + DAY, open_charges=[fee]) == 70


@pytest.mark.parametrize(
    ("used_by_api", "api", "storage"),
    [(0, 10500, 11500), (1000, 9500, 11500), (3700, 6800, 8800), (10500, 0, 2000), (99999, 0, 2000)],
)
def test_what_another_feature_takes_of_shared_credit_cannot_be_spent_again(used_by_api, api, storage):
    """500 without a feature are open as well; `available_for` tells storage of them alone."""
    charges = [Open("", 500, may_overdraw=True), Open("api", used_by_api, may_overdraw=True)]
    left = {key: spendable_for(CREDIT, feature_key=key, at=AT, open_charges=charges) for key in ("api", "storage")}
    assert left == {"api": api, "storage": storage}
    assert available_for(CREDIT, feature_key="storage", at=AT, open_charges=charges) == 11500


def test_nothing_can_be_spent_where_credit_has_run_out_or_is_not_in_force():
    charges = [Open("api", 70, may_overdraw=True)]
    assert spendable_for([source("A", 40)], feature_key="api", at=AT, open_charges=charges) == 0
    assert spendable_for([], feature_key="api", at=AT, open_charges=charges) == 0


def test_it_counts_overdraft_of_the_feature_and_of_charges_without_one():
    owed = [Owed(1, "api", 30), Owed(2, "", 5)]
    credit = [source("C", 20, "storage")]
    settled = [settled_for(credit, owed=owed, feature_key=key, at=AT) for key in (None, "", "api", "storage")]
    assert settled == [-15, -5, -35, 15]


def test_it_counts_credit_only_while_it_is_in_force():
    credit = [source("A", 10, effective_at=AT + DAY), source("B", 20, expires_at=AT), source("C", 40)]
    assert settled_for(credit, feature_key=None, at=AT) == 40


# --- what holds for any credit ---------------------------------------------------------------------------------------
AMOUNTS = st.integers(0, 300)
KEYS = st.sampled_from(["", "api", "storage"])
RESTRICTIONS = st.sampled_from([ANYTHING, ANYTHING, frozenset({"api"}), frozenset({"api", "storage"})])
SOURCES = st.lists(
    st.builds(
        Source,
        id=st.integers(1, 10**6),
        priority=st.sampled_from([1, 5, 10]),
        features=RESTRICTIONS,
        effective_at=st.sampled_from([AT - DAY, AT, AT + DAY]),
        expires_at=st.sampled_from([None, None, AT + DAY, AT + 2 * DAY, AT]),
        granted_at=st.sampled_from([AT - DAY, AT]),
        available=AMOUNTS,
    ),
    max_size=8,
    unique_by=lambda one: one.id,
)
DEBTS = st.lists(st.builds(Owed, st.integers(1, 10**6), KEYS, AMOUNTS), max_size=6, unique_by=lambda one: one.charge_id)


def without(sources, parts):
    taken = {part.source_id: part.amount for part in parts}
    return [replace(one, available=one.available - taken.get(one.id, 0)) for one in sources]


@given(SOURCES, AMOUNTS, KEYS)
def test_it_always_pays_exactly_the_charge_and_never_more_than_there_is(sources, amount, feature_key):
    result = draw(sources, amount=amount, feature_key=feature_key, at=AT)
    known = {one.id: one for one in sources}
    assert sum(part.amount for part in result.parts) + result.uncovered == amount
    assert all(0 < part.amount <= known[part.source_id].available for part in result.parts)
    assert all(is_eligible(known[part.source_id], feature_key=feature_key, at=AT) for part in result.parts)
    if result.uncovered:
        left = in_draw_order(without(sources, result.parts), feature_key=feature_key, at=AT)
        assert not any(one.available for one in left)


@given(SOURCES, AMOUNTS, KEYS)
def test_it_empties_a_grant_before_it_touches_the_next(sources, amount, feature_key):
    *all_but_last, _ = draw(sources, amount=amount, feature_key=feature_key, at=AT).parts or [None]
    known = {one.id: one for one in sources}
    assert all(part.amount == known[part.source_id].available for part in all_but_last)


@given(SOURCES, AMOUNTS, AMOUNTS, KEYS)
def test_it_draws_two_charges_as_it_draws_their_sum(sources, first, second, feature_key):
    one = draw(sources, amount=first, feature_key=feature_key, at=AT)
    other = draw(without(sources, one.parts), amount=second, feature_key=feature_key, at=AT)
    whole = draw(sources, amount=first + second, feature_key=feature_key, at=AT)
    taken: dict[int, int] = {}
    for part in one.parts + other.parts:
        taken[part.source_id] = taken.get(part.source_id, 0) + part.amount
    assert tuple(Part(*part) for part in taken.items()) == whole.parts
    assert one.uncovered + other.uncovered == whole.uncovered


@given(SOURCES, st.integers(1, 300), KEYS, st.data())
def test_it_gives_back_exactly_what_it_took(sources, amount, feature_key, data):
    result = draw(sources, amount=amount, feature_key=feature_key, at=AT)
    back = data.draw(st.integers(1, amount))
    allocated = [Allocated(part.source_id, part.amount) for part in result.parts]
    undone = unwind(allocated, overdraft=result.uncovered, amount=back)
    assert undone.overdraft == min(back, result.uncovered)
    assert undone.overdraft + sum(part for _, part in undone.parts) == back
    kept = draw(sources, amount=amount - back, feature_key=feature_key, at=AT)
    returned = dict(undone.parts)
    left = [Part(one.id, one.amount - returned.get(one.id, 0)) for one in allocated]
    assert tuple(part for part in left if part.amount) == kept.parts


@given(DEBTS, AMOUNTS, RESTRICTIONS)
def test_it_repays_never_more_than_is_owed_nor_than_there_is(owed, amount, features):
    parts, rest = repay(owed, amount=amount, features=features)
    known = {one.charge_id: one for one in owed}
    assert sum(part for _, part in parts) + rest == amount
    assert all(0 < part <= known[number].amount for number, part in parts)
    assert all(may_repay(features, known[number].feature_key) for number, _ in parts)
    *all_but_last, _ = parts or [None]
    assert all(part == known[number].amount for number, part in all_but_last)
    if rest:
        open_debts = [one for one in owed if one.amount and may_repay(features, one.feature_key)]
        assert dict(parts) == {one.charge_id: one.amount for one in open_debts}


@given(SOURCES, st.lists(st.builds(Open, KEYS, AMOUNTS, st.booleans()), max_size=5))
def test_it_has_available_what_settling_the_open_charges_leaves(sources, charges):
    """For credits only exactly that; what an invoice takes never makes it less than nothing."""
    settled = settled_for(sources, feature_key=None, at=AT)
    left, uncovered = sources, 0
    for charge in sorted(charges, key=lambda one: not one.may_overdraw):
        result = draw(left, amount=charge.amount, feature_key=charge.feature_key, at=AT)
        left = without(left, result.parts)
        uncovered += result.uncovered if charge.may_overdraw else 0
    after = settled_for(left, feature_key=None, at=AT) - uncovered
    available = available_for(sources, feature_key=None, at=AT, open_charges=charges)
    assert available == after <= settled
