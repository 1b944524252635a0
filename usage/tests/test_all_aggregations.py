"""Every aggregation, from the event to the window, against counting by hand."""

from collections import defaultdict
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usage import books
from usage.aggregation import RULES
from usage.models import Feature, UsageEvent, UsageHour
from usage.selectors import Span, quantities
from usage.services.define_feature import define_feature
from usage.services.define_meter import define_meter
from usage.services.ingest_events import ingest_events
from usage.tests.conftest import draft

pytestmark = pytest.mark.django_db

MICROSECOND = timedelta(microseconds=1)
PLACES = Decimal("0.000000000001")


@pytest.fixture
def gauges(at):
    """One feature for every aggregation, half of them only for the eu; each type has one meter."""
    features = {}
    for name, rule in RULES.items():
        path = {"number": "$.value", "text": "$.user", "nothing": ""}[rule.reads]
        meter = define_meter(
            key=name,
            name=name,
            event_type=name,
            aggregation=name,
            value_path=path,
            dimensions={"region": "$.region"},
            at=at,
            actor=None,
        )
        for key, filters in ((name, {}), (f"{name}-eu", {"region": ["eu"]})):
            features[key] = define_feature(key=key, name=key, meter=meter, filters=filters, at=at, actor=None)
    return features


def story(random, customers, start, count):
    """Events at random instants, many on the edges of hours, some at the same one, and corrections of them."""
    events = []
    for number in range(count):
        time = start + timedelta(hours=random.randrange(6))
        time += random.choice([timedelta(0), MICROSECOND, -MICROSECOND, timedelta(seconds=random.randrange(3600))])
        value = Decimal(random.randrange(500)) / random.choice([1, 8])
        data = {
            "value": value,
            "user": random.choice(["ann", "ben", "cleo", 7, True]),
            "region": random.choice(["eu", "us"]),
        }
        owner = random.choice(customers)
        kind = random.choice(list(RULES))
        events.append(draft(owner, f"e{number}", time, data, type=kind))
        if random.random() < 0.3:
            part = random.choice([Decimal(1), Decimal("0.5"), Decimal("0.25")])
            back = draft(owner, f"c{number}", start, {**data, "value": -value * part}, type=kind, corrects=f"e{number}")
            events.append(back)
    return events


def by_hand(span, feature):
    groups = defaultdict(list)
    events = UsageEvent.objects.filter(customer_id=span.customer_id, type=feature.meter.event_type)
    instants = {event.event_id: event.time for event in events if not event.corrects}
    for event in events:
        root = event.corrects or event.event_id
        if span.start <= instants[root] < span.end and not (feature.filters and event.data["region"] != "eu"):
            groups[root].append(event)
    return ANSWERS[feature.meter.aggregation]([Whole(instants[root], rows) for root, rows in groups.items()])


class Whole:
    """One event and its corrections."""

    def __init__(self, time, rows):
        self.time = time
        self.corrected = len(rows) > 1
        self.left = sum(Decimal(str(row.data["value"])) for row in rows)
        self.user = rows[0].data["user"]

    @property
    def counts(self):
        return not self.corrected or self.left != 0


def average(values):
    return (sum(values) / len(values)).quantize(PLACES, ROUND_HALF_UP) if values else 0


ANSWERS = {
    "count": lambda wholes: sum(not whole.corrected for whole in wholes),
    "sum": lambda wholes: sum(whole.left for whole in wholes),
    "avg": lambda wholes: average([whole.left for whole in wholes if whole.counts]),
    "min": lambda wholes: min((whole.left for whole in wholes if whole.counts), default=0),
    "max": lambda wholes: max((whole.left for whole in wholes if whole.counts), default=0),
    "unique_count": lambda wholes: len({str(whole.user) for whole in wholes if not whole.corrected}),
    "latest": lambda wholes: max(((whole.time, whole.left) for whole in wholes if whole.counts), default=(0, 0))[1],
}


def spans_of(random, customers, features, start):
    for _ in range(12):
        first, last = sorted(timedelta(seconds=random.randrange(-3600, 7 * 3600)) for _ in range(2))
        first, last = random.choice(
            [
                (first, last),
                (timedelta(0), last),
                (timedelta(hours=1), timedelta(hours=4)),
                (timedelta(hours=1) - MICROSECOND, timedelta(hours=2) + MICROSECOND),
                (timedelta(hours=-2), timedelta(hours=9)),
            ]
        )
        for owner in customers:
            for feature in features:
                yield Span(owner.pk, feature.pk, start + first, start + last)


@settings(max_examples=12, suppress_health_check=list(HealthCheck), deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 90))
def test_it_equals_counting_by_hand(seed, count, customer, other_customer, gauges, at, django_assert_num_queries):
    UsageEvent.objects.all().delete()
    UsageHour.objects.all().delete()
    random = Random(seed)  # noqa: S311
    customers, start = [customer, other_customer], at - timedelta(days=1)
    events = story(random, customers, start, count)
    cut = random.randrange(len(events) + 1)
    for batch in (events[:cut], events[cut:]):
        assert ingest_events(events=batch, token_customer_id=None, at=at).rejected == []
    spans = list(dict.fromkeys(spans_of(random, customers, gauges.values(), start)))
    with django_assert_num_queries(1):
        found = quantities(spans)
    features = {feature.pk: feature for feature in gauges.values()}
    assert found == {span: by_hand(span, features[span.feature_id]) for span in spans}
    assert list(books.check()) == []


def test_it_rebuilds_the_hours_of_new_features_of_every_aggregation(customer, other_customer, gauges, at):
    start = at - timedelta(days=1)
    events = story(Random(5), [customer, other_customer], start, 400)  # noqa: S311
    ingest_events(events=events, token_customer_id=None, at=at)
    spans = {}
    for feature in gauges.values():
        again = define_feature(
            key=f"{feature.key}-again", name="x", meter=feature.meter, filters=feature.filters, at=at, actor=None
        )
        spans[feature.pk] = again.pk
    window = (start - timedelta(hours=1), at)
    found = quantities([Span(customer.pk, pk, *window) for pair in spans.items() for pk in pair])
    for old, new in spans.items():
        assert found[Span(customer.pk, old, *window)] == found[Span(customer.pk, new, *window)] > 0
    assert list(books.check()) == []


def test_it_keeps_the_hour_that_corrections_leave_empty(customer, gauges, at):
    first = draft(customer, "e", at, {"value": 5, "region": "eu"}, type="min")
    back = draft(customer, "c", at, {"value": -5, "region": "eu"}, type="min", corrects="e")
    again = draft(customer, "f", at, {"value": 9, "region": "eu"}, type="min")
    span = Span(customer.pk, gauges["min"].pk, at, at + timedelta(hours=1))
    later = at + timedelta(days=1)
    for event, quantity, events in ((first, 5, 1), (back, 0, 0), (again, 9, 1)):
        ingest_events(events=[event], token_customer_id=None, at=later)
        hour = UsageHour.objects.get(feature=gauges["min"])
        assert (hour.quantity, hour.events, hour.touched_at) == (quantity, events, later)
        assert quantities([span])[span] == quantity
        assert list(books.check()) == []


def test_it_rejects_values_that_cannot_be_told_apart(customer, gauges, at):
    events = [
        draft(customer, f"e{n}", at, {"user": user} if n else {}, type="unique_count")
        for n, user in enumerate([None, None, [], {"a": 1}])
    ]
    result = ingest_events(events=events, token_customer_id=None, at=at)
    assert [one.code for one in result.rejected] == ["missing_value", "missing_value", "invalid_value", "invalid_value"]


def test_it_finds_a_gauge_that_says_something_else(customer, gauges, at):
    ingest_events(events=[draft(customer, "e", at, {"value": 5}, type="latest")], token_customer_id=None, at=at)
    feature = Feature.objects.get(key="latest")
    for change in ({"quantity": 6}, {"latest_at": at - MICROSECOND}, {"events": 0}):
        before = UsageHour.objects.filter(feature=feature).values(*change).get()
        UsageHour.objects.filter(feature=feature).update(**change)
        assert len(list(books.check())) == 1
        UsageHour.objects.filter(feature=feature).update(**before)
    assert list(books.check()) == []


@pytest.mark.parametrize(
    ("corrections", "rejected", "left"),
    [((), 0, (100, 1, 100)), ((-60,), 0, (40, 0, 40)), ((-60, -41), 1, (40, 0, 40)), ((-100,), 0, (0, 0, 0))],
)
def test_it_corrects_as_the_table_in_the_docs_says(corrections, rejected, left, customer, at):
    features = []
    for name in ("sum", "count", "max"):
        path = "" if name == "count" else "$.value"
        meter = define_meter(key=name, name=name, event_type="t", aggregation=name, value_path=path, at=at, actor=None)
        features.append(define_feature(key=name, name=name, meter=meter, at=at, actor=None))
    events = [draft(customer, "e", at, {"value": 100}, type="t")]
    events += [draft(customer, f"c{n}", at, {"value": v}, type="t", corrects="e") for n, v in enumerate(corrections)]
    assert len(ingest_events(events=events, token_customer_id=None, at=at).rejected) == rejected
    spans = [Span(customer.pk, feature.pk, at, at + timedelta(hours=1)) for feature in features]
    assert tuple(quantities(spans)[span] for span in spans) == left
