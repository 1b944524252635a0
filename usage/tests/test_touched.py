"""Which hours usage has reached after somebody looked."""

from datetime import timedelta

import pytest
from django.db import connection

from core.periods import midnight, utc_day
from usage.late import TOUCHED_HOURS
from usage.selectors import STORING, Looked, touched_hours
from usage.services.ingest_events import ingest_events
from usage.tests.conftest import event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forgets_statistics")]

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def use(customer, event_id, time, received):
    result = ingest_events(events=[event(customer, event_id, time)], token_customer_id=None, at=received)
    assert result.accepted == 1


def hours(customer, at, until):
    return {hour for _customer, _feature, hour in touched_hours({customer.pk: Looked(at, until)})}


def floor(at):
    return at.replace(minute=0, second=0, microsecond=0)


def test_it_finds_the_hour_that_a_late_event_belongs_to(customer, other_customer, tokens, at):
    use(customer, "on time", at - 2.5 * DAY, at - 2.5 * DAY)
    looks = {customer.pk: Looked(at - DAY, at - 2 * DAY), other_customer.pk: Looked(at - DAY, at - 2 * DAY)}
    assert touched_hours(looks) == set()

    use(customer, "late", at - 2.2 * DAY, at)
    assert touched_hours(looks) == {(customer.pk, tokens.pk, floor(at - 2.2 * DAY))}


def test_it_asks_once_for_many_and_nothing_for_none(customer, other_customer, tokens, at, django_assert_num_queries):
    with django_assert_num_queries(1):
        touched_hours(dict.fromkeys((customer.pk, other_customer.pk), Looked(at, at)))
    with django_assert_num_queries(0):
        assert touched_hours({}) == set()


def test_usage_that_is_not_billed_yet_is_not_late(customer, tokens, at):
    use(customer, "e", at, at + DAY)
    assert hours(customer, at, floor(at)) == set()
    assert hours(customer, at, floor(at) + MINUTE) == {floor(at)}


@pytest.mark.parametrize("age", [timedelta(0), MINUTE, HOUR, 2 * HOUR - MINUTE, 2 * HOUR, 3 * HOUR, 40 * DAY])
@pytest.mark.parametrize("place", [timedelta(0), 20 * MINUTE, HOUR - MINUTE])
def test_it_finds_every_hour_however_soon_it_was_touched(customer, tokens, at, age, place):
    time = midnight(utc_day(at)) + place
    received = time + age
    use(customer, "e", time, received)
    end = floor(time) + HOUR
    assert hours(customer, received, end) == {floor(time)}
    assert hours(customer, received + STORING + timedelta(microseconds=1), end) == set()


def test_it_does_not_miss_a_batch_that_was_being_stored_when_the_window_was_rated(customer, tokens, at):
    use(customer, "e", at - HOUR, at)
    assert hours(customer, at + STORING, at) == {floor(at - HOUR)}
    assert hours(customer, at + STORING + timedelta(microseconds=1), at) == set()


def test_it_reads_late_hours_by_their_index(customer, tokens, at):
    """Ten years of hours on time beside one that was late: only the late one is read."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO usage_usagehour (customer_id, feature_id, hour, quantity, events, touched_at)
            SELECT %s, %s, hour, 1, 1, hour + interval '70 minutes'
            FROM generate_series(%s - interval '10 years', %s - interval '3 days', interval '1 hour') AS hour
            """,
            [customer.pk, tokens.pk, floor(at), floor(at)],
        )
        cursor.execute("UPDATE usage_usagehour SET touched_at = %s WHERE hour = %s", [at, floor(at) - 900 * DAY])
        cursor.execute("ANALYZE usage_usagehour")
        look = [[customer.pk], [at - DAY], [at - DAY]]
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {TOUCHED_HOURS}", [*look, [], [], []])
        [[[plan]]] = cursor.fetchall()
    found = list(nodes(plan["Plan"]))
    assert [node for node in found if node.get("Index Name") == "usage_hour_late"]
    read = [node for node in found if node.get("Relation Name") == "usage_usagehour"]
    assert sum(row["Actual Rows"] + row.get("Rows Removed by Filter", 0) for row in read if row["Actual Loops"]) == 1


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)
