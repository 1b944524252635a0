"""The difference that late usage makes, without a database (docs/algorithms/late-usage.md)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.periods import Window
from invoices.giving_back import Standing
from plans.explain import derived_amount, explain
from plans.late import LateFacts, late_lines
from plans.pricing import CardTerms, PlanTerms
from plans.rating import UsageFacts

START = datetime(2026, 10, 20, 10, tzinfo=UTC)
END = datetime(2026, 11, 17, tzinfo=UTC)
CUT = datetime(2026, 10, 31, 14, 5, tzinfo=UTC)
WHOLE = Window(START, END)
TOKENS = CardTerms(
    id=1, key="ai-tokens", name="AI tokens", model="unit", unit_amount=Decimal("0.002"), per_units=1_000, feature_id=7
)
REQUESTS = CardTerms(
    id=2, key="api-requests", name="API requests", model="unit", unit_amount=Decimal(1), per_units=1_000,
    free_units=Decimal(10_000), feature_id=7,
)  # fmt: skip


def late(card, quantity, billed_quantity, billed_amount, *, cut=WHOLE, number=1):
    terms = PlanTerms(1, "plus", "Plus", 1, "USD", (card,))
    usage = UsageFacts(cut, WHOLE, {7: Decimal(quantity)})
    return LateFacts(42, terms, card, usage, number, Decimal(billed_quantity), billed_amount)


@pytest.mark.parametrize(
    ("known", "billed_quantity", "billed", "line"),
    [
        (1_500_000, 1_000_000, 200, 100),
        (1_750_000, 1_500_000, 300, 50),
        (600_000, 1_000_000, 200, -80),
    ],
)
def test_it_is_the_price_of_the_whole_less_what_was_billed(known, billed_quantity, billed, line):
    [posted] = late_lines([late(TOKENS, known, billed_quantity, billed)])

    assert posted.amount == line
    assert posted.key == "subscription:42:late:ai-tokens:2026-10-20T10:00:00Z:1"
    assert bool(posted.corrects) is (line < 0)


def test_a_difference_of_nothing_has_no_line():
    unmoved = late(TOKENS, 1_750_000, 1_750_000, 350)

    assert list(late_lines([unmoved])) == []


def test_a_cut_window_keeps_its_share_of_the_included_units():
    cut = Window(START, CUT)
    first = late(REQUESTS, 4_000, 0, 0, cut=cut)
    [line] = late_lines([late(REQUESTS, 5_000, 4_000, 7, cut=cut)])

    assert (first.rated.amount, line.amount) == (7, 100)


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=8), st.integers(1, 27))
def test_however_often_it_is_posted_the_lines_sum_to_the_whole(arrivals, days):
    cut = Window(START, START + timedelta(days=days))
    quantity, billed, posted = 0, 0, 0
    before = 0
    for number, more in enumerate(arrivals, 1):
        quantity += more
        facts = late(REQUESTS, quantity, before, billed, cut=cut, number=number)
        posted += sum(line.amount for line in late_lines([facts]))
        before, billed = quantity, facts.rated.total
    assert posted == late(REQUESTS, quantity, 0, 0, cut=cut).rated.total


@given(st.integers(0, 10**7), st.integers(1, 10**7))
def test_more_and_then_its_correction_nets_to_nothing(quantity, more):
    up = late(TOKENS, quantity + more, quantity, late(TOKENS, quantity, 0, 0).rated.total)
    down = late(TOKENS, quantity, quantity + more, up.rated.total, number=2)

    assert sum(line.amount for line in late_lines([up, down])) == 0


@given(st.integers(0, 10**7), st.integers(1, 5), st.data())
def test_what_is_given_back_is_all_of_the_difference_or_all_that_is_left(quantity, number, data):
    billed = late(TOKENS, 10**7, 0, 0).rated.total
    facts = late(TOKENS, quantity, 10**7, billed, number=number)
    standing = {key: Standing(billed, data.draw(st.integers(0, billed))) for key in facts.billed_keys}

    lines = list(late_lines([facts], standing))

    assert -sum(line.amount for line in lines) == min(
        billed - facts.rated.total, sum(stands.left for stands in standing.values())
    )
    assert facts.posted(standing) == billed + sum(line.amount for line in lines)
    assert len({line.key for line in lines}) == len({line.corrects for line in lines}) == len(lines)
    for line in lines:
        assert 0 < -line.amount <= standing[line.corrects].left
        assert derived_amount(line.explain) == explain(line.explain).amount == line.amount


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=6), st.integers(0, 2_000))
def test_however_usage_moves_what_staff_gave_back_is_asked_once(quantities, given_back):
    """What is billed in the end is the price of the most that was known of it, less what can be given back."""
    first = late(TOKENS, quantities[0], 0, 0)
    billed, posted, before = first.rated.total, {first.billed_keys[0]: first.rated.total}, quantities[0]
    staff = min(given_back, billed)
    for number, quantity in enumerate(quantities[1:], 1):
        facts = late(TOKENS, quantity, before, billed, number=number)
        standing = {key: Standing(posted.get(key, 0), posted.get(key, 0)) for key in facts.billed_keys}
        usage = facts.billed_keys[0]
        standing[usage] = Standing(posted[usage], max(posted[usage] - staff, 0))
        for line in late_lines([facts], standing):
            posted[line.corrects or line.key] = posted.get(line.corrects or line.key, 0) + line.amount
        billed, before = facts.posted(standing), quantity
    assert billed == sum(posted.values()) == max(late(TOKENS, before, 0, 0).rated.total, staff)
