"""What the next invoice will probably be: quantities are exact, prices are the bill's own."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.services.update_billing_profile import update_billing_profile
from core.periods import Window
from invoices.services.finalize_invoices import finalize_invoices
from plans.charges import SpellFacts, UsageFacts, compose_charges
from plans.pricing import CardTerms, PlanTerms
from plans.projection import HIGH, LOW, MIDDLE, History, is_thin, outlook, percentile, with_quantities
from plans.selectors.projecting import projection
from plans.selectors.upcoming import running, upcoming_invoice
from plans.services.calculate_charges import calculate_charges
from plans.tests.conftest import send

NOVEMBER = Window(datetime(2026, 11, 17, tzinfo=UTC), datetime(2026, 12, 17, tzinfo=UTC))
MONDAY_NOON = datetime(2026, 12, 7, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def history(quantities, today=0, so_far=None):
    """Full days that end yesterday."""
    first = MONDAY_NOON.date() - len(quantities) * DAY
    days = [(first + number * DAY, Decimal(quantity)) for number, quantity in enumerate(quantities)]
    total = sum(quantities) + today if so_far is None else so_far
    return History(so_far=Decimal(total), today=Decimal(today), days=days)


# --- pure -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("share", "expected"),
    [(LOW, Fraction("1.6")), (MIDDLE, 4), (HIGH, Fraction("6.4")), (Fraction(0), 1), (Fraction(1), 7)],
)
def test_a_percentile_lies_between_two_days_by_straight_line(share, expected):
    assert percentile([Decimal(value) for value in (7, 1, 6, 2, 5, 3, 4)], share) == expected


def test_every_day_that_is_left_is_a_usual_one():
    # 10 full days from 7 to 16 December, today among them
    assert outlook(history([100] * 20), NOVEMBER, MONDAY_NOON) == (3_000, 3_000, 3_000)


def test_only_the_last_seven_days_count():
    assert outlook(history([9_999] * 5 + [100] * 7, so_far=50_695), NOVEMBER, MONDAY_NOON).typical == 50_695 + 1_000


def test_today_is_filled_up_to_a_usual_day():
    assert outlook(history([100] * 20, today=40), NOVEMBER, MONDAY_NOON).typical == 3_000


def test_today_keeps_what_it_has_already():
    assert outlook(history([100] * 20, today=180), NOVEMBER, MONDAY_NOON).typical == 3_080


def test_an_outlier_moves_the_range_and_not_the_middle():
    low, typical, high = outlook(history([10, 100, 100, 100, 100, 100, 1_000]), NOVEMBER, MONDAY_NOON)
    assert (low, typical, high) == (1_510 + 640, 1_510 + 1_000, 1_510 + 4_600)


def test_with_four_weeks_mondays_are_compared_with_mondays():
    # The last 28 days: weekends bring nothing, working days 100; 7–16 Dec has 8 working days.
    days = [0 if on.weekday() > 4 else 100 for on in (MONDAY_NOON.date() - n * DAY for n in range(28, 0, -1))]
    assert outlook(history(days, so_far=0), NOVEMBER, MONDAY_NOON) == (800, 800, 800)


def test_what_does_not_add_up_is_taken_as_it_is():
    highest = History(so_far=Decimal(75), today=Decimal(10), days=[], adds_up=False)
    assert outlook(highest, NOVEMBER, MONDAY_NOON) == (75, 75, 75)


def test_after_the_end_of_the_window_nothing_comes():
    assert outlook(history([100] * 7), NOVEMBER, NOVEMBER.end + DAY) == (700, 700, 700)


@given(st.lists(st.decimals(0, 10**9, places=6), min_size=3, max_size=40), st.integers(0, 29), st.integers(0, 10**9))
def test_the_usual_lies_in_the_range_and_nothing_used_is_lost(quantities, day, today):
    known = history(quantities, today)
    low, typical, high = outlook(known, NOVEMBER, NOVEMBER.start + day * DAY)
    assert known.so_far <= low <= typical <= high


@pytest.mark.parametrize(
    ("elapsed", "known", "thin"),
    [
        (timedelta(days=2, hours=23), 28, True),
        (3 * DAY, 28, False),
        (3 * DAY, 2, True),
        (3 * DAY, 3, False),
    ],
)
def test_it_is_thin_below_three_days(elapsed, known, thin):
    assert is_thin(NOVEMBER, NOVEMBER.start + elapsed, known) is thin


def test_it_is_thin_below_a_tenth_of_the_window():
    quarter = Window(NOVEMBER.start, NOVEMBER.start + 90 * DAY)
    assert is_thin(quarter, quarter.start + 8 * DAY, 8)
    assert not is_thin(quarter, quarter.start + 9 * DAY, 9)


def test_at_its_end_the_window_costs_its_minimum():
    card = CardTerms(id=1, key="c", name="C", model="unit", unit_amount=Decimal(1), feature_id=3, minimum=Decimal(50))
    terms = PlanTerms(id=1, key="plus", name="Plus", version=1, currency="USD", cards=(card,))
    running = SpellFacts(1, 1, terms, usage=(UsageFacts(NOVEMBER, NOVEMBER, {3: Decimal(2)}, closed=False),))
    assert [line.amount for line in compose_charges(running)] == [200]
    ended = with_quantities(running, {3: Decimal(30)})
    assert [line.amount for line in compose_charges(ended)] == [3_000, 2_000]


# --- through the real rate cards --------------------------------------------------------------------------------------
CALCULATED = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)


def every_day(customer, start, end, **amounts):
    day = start
    while day < end:
        send(customer, day, **amounts)
        day += DAY


def projected(customer, at):
    now = running(customer, at)
    return projection(now, upcoming_invoice(now))


@pytest.mark.parametrize("instant", ["2026-10-24T00:00", "2026-10-30T12:34", "2026-11-16T23:59"])
def test_at_a_constant_rate_it_is_the_final_invoice(plus, customer, at, instant):
    update_billing_profile(customer_id=customer.pk, values={"country": "FR"}, at=at, actor=None)
    now = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    every_day(customer, at + timedelta(hours=1), now, requests=3, tokens=1_234_567)
    seen = projected(customer, now)
    left = now.replace(hour=11, minute=0)
    every_day(customer, left if left >= now else left + DAY, CALCULATED, requests=3, tokens=1_234_567)

    [invoice] = calculate_charges(subscription_ids=[plus.pk], at=CALCULATED)

    assert (seen.low, seen.total, seen.high) == (invoice.total,) * 3
    assert seen.is_certain


def test_it_gives_a_range_where_days_differ(plus, customer, at):
    for number, millions in enumerate((5, 10, 10, 10, 10, 10, 40), start=1):
        send(customer, at + number * DAY, tokens=millions * 1_000_000)
    seen = projected(customer, datetime(2026, 10, 28, tzinfo=UTC))
    # 95 million so far and 20 days of 10 million, of 8 million, of 22 million, at $2.00; and $49.00
    assert (seen.low, seen.total, seen.high) == (4_900 + 51_000, 4_900 + 59_000, 4_900 + 107_000)
    assert not seen.is_certain
    assert "the median of the last 7 full days" in seen.method


def test_it_is_silent_while_the_calculated_invoice_waits(plus, customer, at):
    every_day(customer, at, CALCULATED, tokens=1_000)
    calculate_charges(subscription_ids=[plus.pk], at=CALCULATED)
    assert projected(customer, CALCULATED + DAY) is None


def test_with_four_weeks_it_says_that_it_compares_weekdays(plus, customer, at):
    every_day(customer, at, datetime(2026, 11, 21, tzinfo=UTC), tokens=1_000)
    [invoice] = calculate_charges(subscription_ids=[plus.pk], at=CALCULATED)
    finalize_invoices(invoice_ids=[invoice.pk], at=datetime(2026, 11, 20, tzinfo=UTC))
    seen = projected(customer, datetime(2026, 11, 21, tzinfo=UTC))
    assert seen.days == 28
    assert "the median of the same weekdays of the last 28 days" in seen.method


@pytest.mark.parametrize("instant", ["2026-10-20T11:00", "2026-10-23T09:59"])
def test_it_is_silent_while_little_is_known(plus, customer, at, instant):
    send(customer, at, tokens=1_000)
    assert projected(customer, datetime.fromisoformat(instant).replace(tzinfo=UTC)) is None


def test_it_is_silent_on_a_plan_that_never_bills(free, customer, at):
    assert projected(customer, at + 10 * DAY) is None


def test_it_adds_one_query(plus, customer, at, django_assert_num_queries):
    now = running(customer, at + 10 * DAY)
    upcoming = upcoming_invoice(now)
    with django_assert_num_queries(1):
        assert projection(now, upcoming).days == 9


def test_it_knows_only_full_days(plus, customer, at):
    assert date(2026, 10, 20) == at.date()
    send(customer, at + timedelta(hours=1), tokens=10**9)
    every_day(customer, at + DAY, at + 6 * DAY, tokens=1_000_000)
    seen = projected(customer, datetime(2026, 10, 26, tzinfo=UTC))
    assert seen.days == 5
    assert seen.is_certain
