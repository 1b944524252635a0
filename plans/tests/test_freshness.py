"""How old what we know of a customer's usage is, and when that is unusual."""

from datetime import UTC, datetime, timedelta

import pytest

from plans.tests.conftest import send
from usage.selectors import Freshness, freshness

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
START = datetime(2026, 11, 2, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("catalogue")


def test_nothing_is_late_where_nothing_ever_came(customer):
    fresh = freshness(customer.pk, START)
    assert fresh == Freshness(None, None)
    assert not fresh.is_delayed(START)


def test_a_steady_stream_is_late_after_fifteen_minutes(customer):
    for hour in range(24):
        send(customer, START + hour * HOUR, tokens=1)
    last = START + 23 * HOUR + 5 * MINUTE  # when the last one was received
    assert freshness(customer.pk, last + MINUTE) == Freshness(last, HOUR)
    assert not freshness(customer.pk, last + 15 * MINUTE).is_delayed(last + 15 * MINUTE)
    assert freshness(customer.pk, last + 16 * MINUTE).is_delayed(last + 16 * MINUTE)


def test_who_sends_once_a_day_is_not_late_before_the_next_day(customer):
    for day in range(5):
        send(customer, START + day * DAY + 2 * HOUR, tokens=1)
    last = START + 4 * DAY + 2 * HOUR + 5 * MINUTE
    assert not freshness(customer.pk, last + DAY).is_delayed(last + DAY)
    assert freshness(customer.pk, last + 26 * HOUR).is_delayed(last + 26 * HOUR)


def test_once_is_no_rhythm(customer):
    send(customer, START, tokens=1)
    assert not freshness(customer.pk, START + 3 * DAY).is_delayed(START + 3 * DAY)


def test_a_day_is_missed_once_it_is_over(customer):
    for hour in range(20):
        send(customer, START + hour * HOUR, tokens=1)
    evening, night = START + 23 * HOUR, START + 25 * HOUR
    assert freshness(customer.pk, evening).is_delayed(evening)
    assert not freshness(customer.pk, evening).misses_days(evening)
    assert freshness(customer.pk, night).misses_days(night)


def test_it_asks_once(customer, django_assert_num_queries):
    with django_assert_num_queries(1):
        freshness(customer.pk, START)
