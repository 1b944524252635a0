"""How the running window came to what it is, day by day: the same figures as the next invoice's."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.services.update_billing_profile import update_billing_profile
from invoices.previewing import Credit
from plans.selectors import running, upcoming_invoice, usage_to_date
from plans.selectors.projecting import projection, prospects, thin_days
from plans.services.calculate_charges import calculate_charges
from plans.services.settle_usage import settle_usage
from plans.tests.conftest import add_card, new_plan, send, tokens_card
from plans.tests.test_credits_only import subscribed
from plans.tests.test_settle_usage import credits_plan, grant
from usage.models import Feature, Meter

DAY = timedelta(days=1)
CALCULATED = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)


def seen(customer, at, **known):
    now = running(customer, at)
    upcoming = upcoming_invoice(now)
    return upcoming, prospects(now, upcoming, **known)


def amounts(course):
    return [point.amount for point in course.points]


def test_it_begins_with_the_fee_and_ends_with_what_the_invoice_comes_to(plus, customer, at):
    update_billing_profile(customer_id=customer.pk, values={"country": "FR"}, at=at, actor=None)
    for day in (0, 1, 3):
        send(customer, at + day * DAY + timedelta(hours=1), tokens=1_000_000)
    upcoming, ahead = seen(customer, at + 4 * DAY)
    # $49.00, then $2.00 for each of the three days of the four that had any; VAT 20 %
    assert amounts(ahead.course) == [5_880, 6_120, 6_360, 6_360, 6_600, 6_600]
    assert ahead.course.points[0].at == at
    assert ahead.course.points[-1].at == at + 4 * DAY
    assert amounts(ahead.course)[-1] == upcoming.totals.total


def test_the_projection_is_the_same_with_a_course_beside_it(plus, customer, at):
    for day in range(6):
        send(customer, at + day * DAY, tokens=(day + 1) * 1_000_000)
    now = running(customer, at + 6 * DAY)
    upcoming = upcoming_invoice(now)
    assert prospects(now, upcoming).projection == projection(now, upcoming) is not None


def test_there_is_no_course_without_usage(plus, customer, at):
    _upcoming, ahead = seen(customer, at + 5 * DAY)
    assert ahead.course is None
    assert ahead.projection is not None


def test_there_is_no_course_where_usage_costs_nothing(free, customer, at):
    send(customer, at, requests=2)
    _upcoming, ahead = seen(customer, at + 5 * DAY)
    assert (ahead.course, ahead.projection) == (None, None)


def test_credit_pays_along_the_whole_course(plus, customer, at, django_assert_max_num_queries):
    grant(customer, 5_000, at)
    for day in range(5):
        send(customer, at + day * DAY, tokens=1_000_000)
    upcoming, ahead = seen(customer, at + 5 * DAY)
    assert upcoming.credits == 5_000
    assert amounts(ahead.course) == [0, 100, 300, 500, 700, 900, 900]
    assert amounts(ahead.course)[-1] == upcoming.totals.total
    now = running(customer, at + 5 * DAY)
    credit = Credit(customer.pk, at + 5 * DAY)
    with django_assert_max_num_queries(3):  # the days, whether there is credit, and the grants
        prospects(now, upcoming, credit=credit)
    with django_assert_max_num_queries(1):
        prospects(now, upcoming, credit=credit)


def test_what_waits_to_be_billed_is_over_and_the_next_window_counts_alone(plus, customer, at):
    send(customer, at, tokens=1_000_000)
    calculate_charges(subscription_ids=[plus.pk], at=CALCULATED)
    send(customer, CALCULATED + timedelta(hours=2), tokens=3_000_000)
    _upcoming, ahead = seen(customer, CALCULATED + timedelta(hours=5))
    assert amounts(ahead.course) == [0, 600]
    assert ahead.course.window.start == datetime(2026, 11, 17, tzinfo=UTC)
    assert ahead.projection is None


def test_on_a_credits_only_plan_it_is_the_credits_used(customer, alice, catalogue, seller, at):
    plan = credits_plan(at)
    grant(customer, 10_000, at)
    subscribed(customer, plan, at)
    for day in range(2):
        send(customer, at + day * DAY + timedelta(minutes=1), tokens=1_000)
    settle_usage(customer_ids=[customer.pk], at=at + 2 * DAY)
    now = running(customer, at + 2 * DAY)
    ahead = prospects(now, upcoming_invoice(now))
    assert amounts(ahead.course)[-1] == usage_to_date(now).amount > 0
    assert ahead.projection is None


def test_included_units_are_marked_on_the_day_they_were_used_up(customer, catalogue, seller, at):
    plan = new_plan("roomy", at=at, cards=[tokens_card("1.00", 1_000, free_units=3_000)])
    add_card(customer, at)
    subscribed(customer, plan, at)
    for day in range(4):
        send(customer, at + day * DAY, tokens=1_500)
    _upcoming, ahead = seen(customer, at + 4 * DAY)
    assert ahead.course.used_up == (("AI tokens", datetime(2026, 10, 22, tzinfo=UTC)),)


def test_a_meter_that_does_not_add_up_reads_what_it_read_then(customer, catalogue, seller, at):
    tokens = Meter.objects.get(features__key="ai-tokens")
    meter = Meter.objects.create(
        key="peak", name="Peak", event_type=tokens.event_type, aggregation="max", value_path=tokens.value_path
    )
    peak = Feature.objects.create(key="peak", name="Peak", meter=meter, unit="token", unit_plural="tokens")
    card = {"key": "peak", "name": "Peak", "model": "unit", "feature_id": peak.pk, "unit_amount": "1", "per_units": 1}
    add_card(customer, at)
    subscribed(customer, new_plan("peaks", fee=100, at=at, cards=[card]), at)
    for day, value in enumerate((3, 9, 4)):
        send(customer, at + day * DAY, tokens=value)
    assert amounts(seen(customer, at + 3 * DAY)[1].course) == [100, 400, 1_000, 1_000, 1_000]


@pytest.mark.parametrize(("days", "lacking"), [(0, 3), (2, 2), (3, 1), (4, None)])
def test_it_says_how_many_days_are_lacking(plus, customer, at, days, lacking):
    assert thin_days(running(customer, at + days * DAY)) == lacking


def test_it_asks_once(plus, customer, at, django_assert_num_queries):
    send(customer, at, tokens=1_000)
    now = running(customer, at + 10 * DAY)
    upcoming = upcoming_invoice(now)
    with django_assert_num_queries(1):
        assert prospects(now, upcoming, credit=Credit(customer.pk, now.as_of, has_credit=False)).course is not None
