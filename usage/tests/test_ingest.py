"""Storing events and rolling them up."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Customer, UsageSubject
from accounts.services.open_customer import open_customer
from usage import books
from usage.models import UsageEvent, UsageHour
from usage.services.define_feature import define_feature
from usage.services.define_meter import define_meter
from usage.services.ingest_events import ingest_events
from usage.tests.conftest import draft, event

pytestmark = pytest.mark.django_db


def ingest(events, at, token_customer_id=None):
    return ingest_events(events=events, token_customer_id=token_customer_id, at=at)


def codes(result):
    return [(one.index, one.code) for one in result.rejected]


def test_it_stores_an_event_and_adds_it_to_its_hour(customer, tokens, at):
    result = ingest([event(customer, "e1", at - timedelta(minutes=3), data={"tokens": 7, "model": "small"})], at)
    assert (result.accepted, result.duplicates, result.rejected) == (1, 0, [])
    stored = UsageEvent.objects.get()
    assert (stored.customer, stored.source, stored.event_id, stored.type) == (customer, "gateway", "e1", "ai.tokens")
    assert (stored.time, stored.received_at) == (at - timedelta(minutes=3), at)
    assert stored.data == {"tokens": 7, "model": "small"}
    hour = UsageHour.objects.get()
    assert (hour.customer, hour.feature, hour.hour) == (customer, tokens, at - timedelta(hours=1))
    assert (hour.quantity, hour.events, hour.touched_at) == (Decimal(7), 1, at)


def test_it_ignores_a_repeat_and_counts_it(customer, tokens, at):
    ingest([event(customer, "e1", at)], at)
    result = ingest([event(customer, "e1", at), event(customer, "e2", at), event(customer, "e2", at)], at)
    assert (result.accepted, result.duplicates) == (1, 2)
    assert UsageHour.objects.get().quantity == 200
    assert list(books.check()) == []


def test_it_keeps_the_first_content_of_a_repeat(customer, tokens, at):
    ingest([event(customer, "e1", at)], at)
    ingest([event(customer, "e1", at, data={"tokens": 999})], at)
    assert UsageEvent.objects.get().data == {"tokens": 100}


def test_it_tells_events_of_different_sources_and_customers_apart(customer, other_customer, tokens, at):
    events = [event(customer, "e1", at), event(customer, "e1", at, source="b"), event(other_customer, "e1", at)]
    assert ingest(events, at).accepted == 3


def test_it_rejects_by_index_and_keeps_the_good_ones(customer, other_customer, tokens, at):
    ahead = at + timedelta(minutes=5, microseconds=1)
    events = [
        event(customer, "good", at),
        event(customer, "a", at, subject="nobody"),
        event(other_customer, "b", at),
        event(customer, "c", ahead),
        event(customer, "d", at, data={}),
        event(customer, "e", at, data={"tokens": "many"}),
        event(customer, "f", at, data={"tokens": -1}),
        event(customer, "g", at, type="nothing.known"),
        "no event",
        event(customer, "h", at, id=None),
        event(customer, "i", at, data={"tokens": 10**15}),
        event(customer, "j", at, data={"tokens": Decimal("1E-13")}),
        event(customer, "k", at, data={"tokens": Decimal("1E+999999")}),
        event(customer, "l", at, data={"tokens": 1, "note": "\x00"}),
        event(customer, "also good", at + timedelta(minutes=5)),
    ]
    result = ingest(events, at, token_customer_id=customer.pk)
    assert result.accepted == 2
    assert codes(result) == [
        (1, "unknown_subject"),
        (2, "forbidden_subject"),
        (3, "time_ahead"),
        (4, "missing_value"),
        (5, "invalid_value"),
        (6, "negative_value"),
        (7, "unknown_type"),
        (8, "not_an_object"),
        (9, "missing_id"),
        (10, "invalid_value"),
        (11, "invalid_value"),
        (12, "invalid_value"),
        (13, "invalid_data"),
    ]
    assert UsageEvent.objects.count() == 2


def test_it_takes_the_present_where_an_event_has_no_time(customer, tokens, at):
    ingest([event(customer, "e1", at, time=None)], at)
    assert UsageEvent.objects.get().time == at


def test_it_compares_with_the_customers_own_clock(customer, tokens, at):
    Customer.objects.filter(pk=customer.pk).update(clock_at=at + timedelta(days=40))
    result = ingest([event(customer, "e1", at + timedelta(days=40)), event(customer, "e2", at, time=None)], at)
    assert result.accepted == 2
    assert set(UsageEvent.objects.values_list("time", flat=True)) == {at + timedelta(days=40)}


def test_it_lets_an_operator_write_every_subject(customer, other_customer, tokens, at):
    assert ingest([event(customer, "e1", at), event(other_customer, "e2", at)], at).accepted == 2


def test_it_knows_every_subject_of_a_customer(customer, tokens, at):
    UsageSubject.objects.create(customer=customer, subject="mobile-app")
    assert ingest([event(customer, "e1", at, subject="mobile-app")], at, customer.pk).accepted == 1


def test_it_accepts_a_correction_of_a_stored_event(customer, tokens, at):
    ingest([event(customer, "e1", at)], at)
    result = ingest([event(customer, "e2", at, data={"tokens": -30}, corrects="e1")], at)
    assert (result.accepted, result.rejected) == (1, [])
    assert UsageHour.objects.get().quantity == 70
    assert list(books.check()) == []


def test_it_accepts_a_correction_beside_the_event_it_names(customer, tokens, at):
    events = [event(customer, "e2", at, data={"tokens": -30}, corrects="e1"), event(customer, "e1", at)]
    assert ingest(events, at).accepted == 2


def test_it_rejects_a_correction_of_what_nobody_knows(customer, other_customer, tokens, requests, at):
    ingest([event(other_customer, "theirs", at), event(customer, "other source", at, source="b")], at)
    ingest([event(customer, "other type", at, type="api.request", data={})], at)
    named = ["never", "theirs", "other source", "other type", "itself"]
    events = [event(customer, f"c-{name}", at, data={"tokens": -1}, corrects=name) for name in named[:-1]]
    events.append(event(customer, "itself", at, data={"tokens": -1}, corrects="itself"))
    assert codes(ingest(events, at)) == [(index, "unknown_correction") for index in range(5)]


def test_it_rejects_a_correction_of_a_correction(customer, tokens, at):
    ingest([event(customer, "e1", at), event(customer, "e2", at, data={"tokens": -1}, corrects="e1")], at)
    assert codes(ingest([event(customer, "e3", at, corrects="e2")], at)) == [(0, "unknown_correction")]


def test_it_counts_a_correction_where_the_event_counts_that_it_names(customer, tokens, at):
    ingest([event(customer, "e1", at - timedelta(days=40))], at - timedelta(days=40))
    ingest([event(customer, "e2", at, data={"tokens": -30}, corrects="e1")], at)
    assert set(UsageEvent.objects.values_list("time", flat=True)) == {at - timedelta(days=40)}
    hour = UsageHour.objects.get()
    assert (hour.quantity, hour.hour, hour.touched_at) == (70, at - timedelta(days=40), at)


def test_it_rejects_corrections_that_take_more_than_there_was(customer, tokens, at):
    ingest([event(customer, "e1", at), event(customer, "e2", at)], at)
    assert ingest([event(customer, "c1", at, data={"tokens": -60}, corrects="e1")], at).accepted == 1
    events = [
        event(customer, "c2", at, data={"tokens": -41}, corrects="e1"),
        event(customer, "c3", at, data={"tokens": -30}, corrects="e1"),
        event(customer, "c4", at, data={"tokens": -11}, corrects="e1"),
        event(customer, "c5", at, data={"tokens": -10}, corrects="e1"),
    ]
    result = ingest(events, at)
    assert codes(result) == [(0, "correction_too_large"), (2, "correction_too_large")]
    assert result.accepted == 2
    assert UsageHour.objects.get().quantity == 100
    assert list(books.check()) == []


def test_it_counts_a_repeated_correction_as_a_repeat(customer, tokens, requests, at):
    events = [
        event(customer, "e1", at),
        event(customer, "c1", at, data={"tokens": -100}, corrects="e1"),
        event(customer, "r1", at, type="api.request", data={}),
        event(customer, "c2", at, type="api.request", data={}, corrects="r1"),
    ]
    assert ingest(events, at).accepted == 4
    for repeated in (events, events[1:2], events[3:]):
        result = ingest(repeated, at)
        assert (result.accepted, result.duplicates, result.rejected) == (0, len(repeated), [])
    assert set(UsageHour.objects.values_list("quantity", flat=True)) == {0}


def test_it_believes_the_stored_event_and_not_its_repeat(customer, tokens, at):
    ingest([event(customer, "e1", at)], at)
    events = [
        event(customer, "e1", at - timedelta(days=1), data={"tokens": 999}),
        event(customer, "c1", at, data={"tokens": -101}, corrects="e1"),
        event(customer, "c2", at, data={"tokens": -99}, corrects="e1"),
    ]
    result = ingest(events, at)
    assert codes(result) == [(1, "correction_too_large")]
    assert UsageHour.objects.get().quantity == 1


def test_it_rejects_a_correction_of_other_dimensions(customer, token_meter, at):
    define_feature(key="small", name="Small", meter=token_meter, filters={"model": ["small"]}, at=at, actor=None)
    events = [
        event(customer, "e1", at, data={"tokens": 100, "model": "large"}),
        event(customer, "c1", at, data={"tokens": -50, "model": "small"}, corrects="e1"),
        event(customer, "e2", at, data={"tokens": 100, "model": "small"}),
        event(customer, "c2", at, data={"tokens": -50}, corrects="e2"),
        event(customer, "c3", at, data={"tokens": -50, "model": "small"}, corrects="e2"),
    ]
    assert codes(ingest(events, at)) == [(1, "correction_elsewhere"), (3, "correction_elsewhere")]
    assert UsageHour.objects.get().quantity == 50


def test_it_takes_a_counted_event_back_once(customer, requests, at):
    ingest([event(customer, "e1", at, type="api.request", data={})], at)
    events = [event(customer, f"c{n}", at, type="api.request", data={}, corrects="e1") for n in range(3)]
    assert codes(ingest(events, at)) == [(1, "correction_repeated"), (2, "correction_repeated")]
    assert UsageHour.objects.get().quantity == 0


def test_it_takes_a_counted_event_back(customer, requests, at):
    ingest([event(customer, f"e{n}", at, type="api.request", data={}) for n in range(3)], at)
    ingest([event(customer, "e4", at, type="api.request", data={}, corrects="e1")], at)
    assert UsageHour.objects.get().quantity == 2
    assert list(books.check()) == []


def test_it_applies_the_filters_of_features_when_storing(customer, request_meter, requests, at):
    errors = define_feature(
        key="errors", name="Errors", meter=request_meter, filters={"status": ["404", "500"]}, at=at, actor=None
    )
    statuses = [200, 404, 500, 503, "404"]
    ingest([event(customer, f"e{n}", at, type="api.request", data={"status": s}) for n, s in enumerate(statuses)], at)
    assert UsageHour.objects.get(feature=errors).quantity == 3
    assert UsageHour.objects.get(feature=requests).quantity == 5


def test_it_measures_one_event_by_every_meter_that_listens(customer, tokens, at):
    calls = define_meter(key="calls", name="Calls", event_type="ai.tokens", aggregation="count", at=at, actor=None)
    define_feature(key="calls", name="Calls", meter=calls, at=at, actor=None)
    ingest([event(customer, "e1", at)], at)
    assert dict(UsageHour.objects.values_list("feature__key", "quantity")) == {"calls": 1, "tokens": 100}


def test_it_stores_what_is_metered_but_not_priced_yet(customer, token_meter, at):
    assert ingest([event(customer, "e1", at)], at).accepted == 1
    assert not UsageHour.objects.exists()


def test_it_sums_fractions_exactly(customer, tokens, at):
    ingest([event(customer, f"e{n}", at, data={"tokens": Decimal("0.1")}) for n in range(1000)], at)
    assert UsageHour.objects.get().quantity == Decimal(100)


def test_it_writes_nothing_for_an_empty_batch(db, at):
    assert ingest([], at).accepted == 0


def test_it_stores_nothing_without_its_hours(customer, tokens, at, monkeypatch):
    def fail(*_args, **_kwargs):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("usage.storage.add_to_hours", fail)
    with pytest.raises(RuntimeError):
        ingest([event(customer, "e1", at)], at)
    assert not UsageEvent.objects.exists()


def test_it_asks_as_often_for_one_event_as_for_many(customer, tokens, at):
    def queries(count, start):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            ingest([event(customer, f"e{start + n}", at) for n in range(count)], at)
        return len(captured)

    assert queries(1, 0) == queries(500, 1) <= 12


def test_it_accepts_drafts_as_they_are(customer, tokens, at):
    assert ingest([draft(customer, "e1", at, {"tokens": Decimal("2.5")})], at).accepted == 1


@pytest.mark.django_db(transaction=True)
def test_it_counts_once_what_two_connections_send_at_the_same_time(customer, tokens, requests, at):
    other = open_customer(name="Second", user=customer.users.get(), at=at, actor=None)
    subjects = [customer, other]
    events = [event(subjects[n % 2], f"e{n}", at - timedelta(hours=n % 7)) for n in range(400)]
    events += [event(subjects[n % 2], f"r{n}", at, type="api.request", data={}) for n in range(100)]
    results = []

    def send(batch):
        try:
            results.append(ingest(batch, at))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(batch,)) for batch in (events, events[::-1], events[100:300])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result.accepted for result in results) == 500
    assert sum(result.duplicates for result in results) == 700
    assert sum(UsageHour.objects.values_list("events", flat=True)) == 500
    assert list(books.check()) == []


@pytest.mark.django_db(transaction=True)
def test_it_misses_no_event_that_arrives_while_a_feature_is_defined(customer, token_meter, at):
    started = threading.Event()

    def define():
        try:
            started.set()
            define_feature(key="late", name="Late", meter=token_meter, at=at, actor=None)
        finally:
            connection.close()

    thread = threading.Thread(target=define)
    with transaction.atomic():
        ingest([event(customer, "e1", at)], at)  # judged before the feature exists, not visible to it yet
        thread.start()
        started.wait()
        thread.join(timeout=0.5)
        assert thread.is_alive(), "the definition did not wait for the batch"
    thread.join()
    assert UsageHour.objects.get(feature__key="late").quantity == 100


@pytest.mark.django_db(transaction=True)
def test_it_lets_only_one_of_two_connections_take_an_event_back(customer, tokens, at):
    ingest([event(customer, "e1", at)], at)
    results = []

    def correct(name):
        try:
            results.append(ingest([event(customer, name, at, data={"tokens": -60}, corrects="e1")], at))
        finally:
            connection.close()

    threads = [threading.Thread(target=correct, args=(f"c{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.accepted for result in results) == [0, 0, 0, 1]
    assert UsageHour.objects.get().quantity == 40
