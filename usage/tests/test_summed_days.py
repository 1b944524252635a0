"""Days that are summed by a dimension: whatever arrives when, the answer is that of the events."""

import threading
from datetime import timedelta
from random import Random

import pytest
from django.db import connection, transaction

from core.periods import Window, midnight, utc_day
from usage import measuring, storage, summed_days
from usage.aggregation import RULES
from usage.books import check
from usage.dimensions import Asked
from usage.exploring import breakdown
from usage.models import UsageDay, UsageEvent
from usage.services.ingest_events import ingest_events
from usage.services.sum_days import sum_days
from usage.tests.conftest import draft
from usage.tests.test_all_aggregations import gauges, story  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

MERGED = [name for name, rule in RULES.items() if not rule.by_value]
DAY = timedelta(days=1)


@pytest.fixture
def begun(at):
    """Neither the first day nor the last one is whole."""
    return midnight(utc_day(at)) - 3 * DAY + timedelta(hours=9, minutes=17)


@pytest.fixture
def window(begun, at):
    return Window(begun, at - timedelta(minutes=21))


def days_of_story(seed, customers, begun):
    """Stories on each of four days, with corrections."""
    random = Random(seed)  # noqa: S311
    for number in range(4):
        start = begun + timedelta(days=number, hours=-random.randint(0, 8))
        for event in story(random, customers, start, 120):
            yield event._replace(
                event_id=f"{seed}-{number}-{event.event_id}",
                corrects=event.corrects and f"{seed}-{number}-{event.corrects}",
            )


def without_days(customer, feature, window):
    """The answer of the events alone."""
    kept = list(UsageDay.objects.all())
    UsageDay.objects.all().delete()
    found = breakdown(customer.pk, feature, window, "region")
    UsageDay.objects.bulk_create(kept)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_summed_days_answer_as_their_events_whatever_arrives_later(
    seed,
    gauges,  # noqa: F811
    customer,
    other_customer,
    begun,
    window,
    at,
):
    story_of_days = list(days_of_story(seed, [customer, other_customer], begun))
    first = [event for event in story_of_days if not event.corrects][::2]
    for events in (
        first,
        story_of_days,
    ):  # then every other event comes late, and all corrections; the rest is repeated
        ingest_events(events=events, token_customer_id=None, at=at + DAY)
        stale = {name: breakdown(customer.pk, gauges[name], window, "region") for name in RULES}
        assert stale == {name: without_days(customer, gauges[name], window) for name in RULES}

        sum_days(at=at, least=1)
        fresh = {name: breakdown(customer.pk, gauges[name], window, "region") for name in RULES}
        assert fresh == stale
        assert list(check()) == []
    assert {day.feature_id for day in UsageDay.objects.all()} >= {gauges[name].pk for name in MERGED}


@pytest.mark.parametrize("name", MERGED)
def test_a_summed_day_is_what_is_read(name, gauges, customer, begun, at):  # noqa: F811
    """Else the tests above would prove nothing."""
    ingest_events(events=list(days_of_story(1, [customer], begun)), token_customer_id=None, at=at + DAY)
    sum_days(at=at, least=1)
    UsageDay.objects.update(members=["moon"], quantities=[7], events=[1], latest_at=[at])
    day = midnight(utc_day(begun)) + DAY

    assert breakdown(customer.pk, gauges[name], Window(day, day + DAY), "region").members == (("moon", 7),)
    assert {finding.rule for finding in check()} == {"a day by dimension equals its hours"}


def test_only_days_that_are_over_changed_and_are_long_are_summed(tokens, customer, at):
    yesterday, today = at - DAY, at
    events = [draft(customer, f"e{n}", when, {"tokens": 1, "model": "m"}) for n, when in enumerate([yesterday, today])]
    ingest_events(events=events, token_customer_id=None, at=at)

    assert sum_days(at=at) == 0
    assert sum_days(at=at, least=1) == len(tokens.meter.dimensions)
    assert sum_days(at=at, least=1) == 0
    assert {row.day for row in UsageDay.objects.all()} == {midnight(utc_day(yesterday))}

    late = draft(customer, "late", yesterday, {"tokens": 1, "model": "m"})
    ingest_events(events=[late], token_customer_id=None, at=at)
    assert sum_days(at=at, least=1) == len(tokens.meter.dimensions)


WITHOUT_TOUCHES = [
    (storage, "ADD_TO_HOURS", ",\n    touches = known.touches + 1"),
    (measuring, "GAUGE_HOURS_AGAIN", ", touches = usage_usagehour.touches + 1"),
]


@pytest.mark.parametrize("name", MERGED)
def test_code_that_knows_no_touches_may_run_beside(name, gauges, customer, begun, at, monkeypatch):  # noqa: F811
    """Events and a correction by the version before, on days that were summed."""
    for module, statement, raising in WITHOUT_TOUCHES:
        before = getattr(module, statement)
        assert before.count(raising) == 1
        monkeypatch.setattr(module, statement, before.replace(raising, ""))
    data = {"value": 5, "user": "ann", "region": "eu"}
    day = midnight(utc_day(begun)) + DAY
    window = Window(day, day + DAY)
    events = [
        draft(customer, "e1", day, data, type=name),
        draft(customer, "e2", day, data | {"value": 9}, type=name),
        draft(customer, "c2", day, data | {"value": -1}, type=name, corrects="e2"),
    ]
    for event in events:
        ingest_events(events=[event], token_customer_id=None, at=at)
        assert breakdown(customer.pk, gauges[name], window, "region") == without_days(customer, gauges[name], window)
        assert sum_days(at=at, least=1)
    assert list(check()) == []


@pytest.mark.parametrize("emptied", ["DELETE FROM usage_usagehour", "TRUNCATE usage_usagehour"])
def test_hours_that_are_made_anew_leave_no_summed_day_behind(emptied, tokens, customer, at):
    """Their touches begin anew, too."""
    yesterday = at - DAY
    window = Window(midnight(utc_day(yesterday)), midnight(utc_day(at)))
    event = draft(customer, "e", yesterday, {"tokens": 1, "model": "m"})
    ingest_events(events=[event], token_customer_id=None, at=at)
    sum_days(at=at, least=1)
    UsageEvent.objects.update(data={"tokens": 2, "model": "n"})
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as at the end of a transaction
        cursor.execute(emptied)
    measuring.rebuild_hours(tokens.pk, at=at)

    assert not UsageDay.objects.exists()
    assert breakdown(customer.pk, tokens, window, "model").members == (("n", 2),)


@pytest.mark.django_db(transaction=True)
def test_a_day_that_is_summed_while_usage_arrives_is_of_no_use_afterwards(tokens, customer, at):
    """Another connection sums it before that usage is committed, waits for nobody, and counts nothing twice."""
    day = midnight(utc_day(at)) - DAY
    window, dimensions = Window(day, day + DAY), len(tokens.meter.dimensions)
    early, late = (draft(customer, name, day, {"tokens": 3, "model": "m"}) for name in ("early", "late"))
    ingest_events(events=[early], token_customer_id=None, at=at)
    summed = []

    def sum_them():
        try:
            summed.append(sum_days(at=at, least=1))
        finally:
            connection.close()

    with transaction.atomic():
        ingest_events(events=[late], token_customer_id=None, at=at)
        thread = threading.Thread(target=sum_them)
        thread.start()
        thread.join(timeout=20)
        assert summed == [dimensions]
        assert of_model(customer, tokens, window) == 6
    assert of_model(customer, tokens, window) == 6
    assert list(check()) == []
    sum_them()
    assert summed == [dimensions, dimensions]
    assert of_model(customer, tokens, window) == 6
    assert list(check()) == []


def of_model(customer, feature, window):
    """What its only value used."""
    [(_member, partial)], _members, _whole = summed_days.most(
        Asked(customer.pk, feature, window, "model", "day"), [window], 10
    )
    return partial.quantity
