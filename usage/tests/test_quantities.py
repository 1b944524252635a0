"""How much was used in a window, against counting by hand."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest

from core.periods import Window
from usage.exceptions import UnknownCustomerError
from usage.models import UsageEvent
from usage.selectors import (
    Span,
    daily_quantities,
    features_by_key,
    freshness,
    quantities,
    split,
    subject_of,
)
from usage.services.define_feature import define_feature
from usage.services.ingest_events import ingest_events
from usage.tests.conftest import draft

pytestmark = pytest.mark.django_db

MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def small(token_meter, at):
    return define_feature(key="small", name="Small", meter=token_meter, filters={"model": ["small"]}, at=at, actor=None)


@pytest.fixture
def used(customer, other_customer, tokens, small, requests, at):
    """Five days of events, many of them on the very edges of hours."""
    random = Random(7)  # noqa: S311
    start = at - timedelta(days=5)
    events = []
    for number in range(600):
        time = start + timedelta(hours=random.randrange(120))
        time += random.choice([timedelta(0), MICROSECOND, -MICROSECOND, timedelta(seconds=random.random() * 3600)])
        owner = random.choice([customer, other_customer])
        data = {"tokens": Decimal(random.randrange(10**6)) / 1000, "model": random.choice(["small", "large"])}
        events.append(draft(owner, f"e{number}", time, data, type=random.choice(["ai.tokens", "api.request"])))
    ingest_events(events=events, token_customer_id=None, at=at)
    return start


def by_hand(span, features):
    feature = features[span.feature_id]
    total = Decimal(0)
    for event in UsageEvent.objects.filter(customer_id=span.customer_id, type=feature.meter.event_type):
        if not span.start <= event.time < span.end:
            continue
        if feature.filters and event.data["model"] not in feature.filters["model"]:
            continue
        total += 1 if feature.meter.aggregation == "count" else Decimal(str(event.data["tokens"]))
    return total


def windows(start):
    """Windows of every kind, then windows at random."""
    hour = start + timedelta(hours=10)
    yield from [
        (hour, hour),
        (hour, hour + MICROSECOND),
        (hour, hour + timedelta(hours=1)),
        (hour, hour + timedelta(hours=1) + MICROSECOND),
        (hour - MICROSECOND, hour),
        (hour - MICROSECOND, hour + timedelta(hours=3)),
        (hour + MICROSECOND, hour + timedelta(minutes=59)),
        (hour + timedelta(minutes=1), hour + timedelta(minutes=61)),
        (hour + timedelta(minutes=30), hour + timedelta(minutes=30)),
        (start - timedelta(days=9), start + timedelta(days=9)),
        (start + timedelta(days=50), start + timedelta(days=60)),
    ]
    random = Random(11)  # noqa: S311
    for _ in range(40):
        first, last = sorted(timedelta(seconds=random.random() * 5 * 86400) for _ in range(2))
        yield start + first, start + last


def test_it_equals_counting_by_hand(customer, other_customer, used, requests, small, tokens, django_assert_num_queries):
    features = {feature.pk: feature for feature in (requests, small, tokens)}
    spans = [
        Span(owner.pk, feature_id, start, end)
        for start, end in windows(used)
        for owner in (customer, other_customer)
        for feature_id in features
    ]
    with django_assert_num_queries(1):
        found = quantities(spans)
    assert len(set(found.values())) > 100
    assert found == {span: by_hand(span, features) for span in spans}


def test_it_sums_slices_to_the_whole(customer, used, tokens, at):
    random = Random(3)  # noqa: S311
    cuts = sorted(used + timedelta(seconds=random.random() * 5 * 86400) for _ in range(30))
    edges = [used - timedelta(days=1), *cuts, at]
    parts = [Span(customer.pk, tokens.pk, first, last) for first, last in pairwise(edges)]
    whole = Span(customer.pk, tokens.pk, edges[0], edges[-1])
    found = quantities([*parts, whole])
    assert sum(found[part] for part in parts) == found[whole] > 0


def test_it_answers_zero_where_nothing_was_used(customer, requests, at):
    static = define_feature(key="support", name="Support", meter=None, at=at, actor=None)
    spans = [
        Span(customer.pk, requests.pk, at - timedelta(days=1, minutes=5), at),
        Span(customer.pk, static.pk, at - timedelta(days=1, minutes=5), at),
        Span(customer.pk, 987654, at - timedelta(minutes=5), at),
        Span(customer.pk, requests.pk, at, at - timedelta(days=1)),
    ]
    assert quantities(spans) == dict.fromkeys(spans, Decimal(0))


def test_it_asks_nothing_for_no_spans(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert quantities([]) == {}


def test_it_splits_a_span_at_whole_hours(at):
    minute, hour = timedelta(minutes=1), timedelta(hours=1)

    assert split(at, at + 2 * hour) == (((at, at + 2 * hour),), ())
    assert split(at - minute, at + hour + minute) == (
        ((at, at + hour),),
        ((at - minute, at), (at + hour, at + hour + minute)),
    )
    assert split(at - minute, at + minute) == ((), ((at - minute, at), (at, at + minute)))
    assert split(at + minute, at + 2 * minute) == ((), ((at + minute, at + 2 * minute),))
    assert split(at, at) == ((), ())


def test_it_gives_every_day_of_a_window(customer, used, tokens, requests, at, django_assert_num_queries):
    window = Window(used + timedelta(hours=7, microseconds=1), at - timedelta(hours=1))
    with django_assert_num_queries(1):
        days = daily_quantities(customer.pk, [tokens.pk, requests.pk], window)
    assert [on for on, _quantity in days[tokens.pk]] == [date(2026, 10, day) for day in range(15, 21)]
    for feature_id, rows in days.items():
        span = Span(customer.pk, feature_id, window.start, window.end)
        assert sum(quantity for _on, quantity in rows) == quantities([span])[span] > 0


def test_it_knows_when_usage_reached_us_last(customer, other_customer, tokens, at):
    assert freshness(customer.pk, at).received_at is None
    times = [at - timedelta(days=3), at - timedelta(days=1)]
    for number, time in enumerate(times):
        events = [draft(customer, f"e{number}", time, {"tokens": 1})]
        ingest_events(events=events, token_customer_id=None, at=at + timedelta(minutes=number))
    assert freshness(customer.pk, at).received_at == at + timedelta(minutes=1)
    assert freshness(other_customer.pk, at).received_at is None


def test_it_finds_features_by_key(tokens, requests, django_assert_num_queries):
    with django_assert_num_queries(1):
        found = features_by_key(["tokens", "nothing"])
        assert str(found["tokens"].meter) == "AI tokens"
    assert set(found) == {"tokens"}


def test_it_finds_a_customer_by_key_subject_or_person(customer, alice):
    for name in (customer.key, "alice@example.com", "Alice@example.com"):
        assert subject_of(name).customer_id == customer.pk
    with pytest.raises(UnknownCustomerError):
        subject_of("nobody")
