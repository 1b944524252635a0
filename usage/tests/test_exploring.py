"""Usage from all sides: what the explorer shows is what the bill is rated by."""

from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest

from core.periods import Window
from usage.aggregation import RULES
from usage.exploring import SHOWN, breakdown, breakdown_rows, explorable_features, steps_of, timeline
from usage.measuring import rebuild_hours
from usage.models import UsageEvent
from usage.selectors import Span, quantities
from usage.services.define_feature import define_feature
from usage.services.define_meter import define_meter
from usage.services.ingest_events import ingest_events
from usage.tests.conftest import draft
from usage.tests.test_all_aggregations import gauges, story  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db


@pytest.fixture
def window(at):
    """Neither end is a whole hour."""
    return Window(at - timedelta(hours=5, minutes=17), at - timedelta(minutes=21))


@pytest.fixture
def used(customer, other_customer, gauges, at):  # noqa: F811
    events = story(Random(3), [customer, other_customer], at - timedelta(hours=6), 500)  # noqa: S311
    ingest_events(events=events, token_customer_id=None, at=at)
    return gauges


@pytest.mark.parametrize("aggregation", RULES)
def test_a_value_of_a_dimension_is_what_a_feature_with_that_filter_is_rated_by(aggregation, used, customer, window):
    found = breakdown(customer.pk, used[aggregation], window, "region")
    rated = quantities([span := Span(customer.pk, used[f"{aggregation}-eu"].pk, window.start, window.end)])

    assert {member.name for member in found.members} == {"eu", "us"}
    assert dict(found.members)["eu"] == rated[span]


@pytest.mark.parametrize("aggregation", RULES)
def test_every_hour_of_a_value_is_what_a_feature_with_that_filter_is_rated_by(aggregation, used, customer, window):
    rows = list(breakdown_rows(customer.pk, used[aggregation], window, "region", "hour"))
    feature = used[f"{aggregation}-eu"]
    spans = [Span(customer.pk, feature.pk, part.start, part.end) for part in steps_of(window, "hour")]
    rated = {(span.start, span.end): quantity for span, quantity in quantities(spans).items() if quantity}

    assert rated
    assert {(part.start, part.end): row.quantity for part, row in rows if row.name == "eu" and row.quantity} == rated
    assert [part.start for part, _row in rows] == sorted(part.start for part, _row in rows)


@pytest.mark.parametrize("aggregation", RULES)
@pytest.mark.parametrize("step", ["hour", "day"])
def test_a_window_comes_to_what_it_is_rated_by(aggregation, step, used, customer, window, django_assert_num_queries):
    with django_assert_num_queries(1):
        found = timeline(customer.pk, used[aggregation], window, step)

    span = Span(customer.pk, used[aggregation].pk, window.start, window.end)
    assert found.quantity == quantities([span])[span]
    assert found.parts[0].window.start == window.start
    assert found.parts[-1].window.end == window.end
    assert found.adds_up == (aggregation in {"count", "sum"})
    assert not found.adds_up or sum(part.quantity for part in found.parts) == found.quantity


def test_steps_are_whole_in_the_middle_and_cut_at_the_ends(at):
    window = Window(at - timedelta(days=1, minutes=30), at + timedelta(minutes=30))
    days = steps_of(window, "day")
    hours = steps_of(window, "hour")

    assert [part.start.isoformat() for part in days] == ["2026-10-19T09:30:00+00:00", "2026-10-20T00:00:00+00:00"]
    assert (hours[0].start, hours[0].end) == (window.start, at - timedelta(days=1))
    assert (hours[-1].start, hours[-1].end) == (at, window.end)
    assert len(hours) == 26
    assert steps_of(Window(at, at), "day") == []


def test_what_is_beyond_the_most_used_values_is_summed(customer, tokens, at):
    events = [draft(customer, f"e{n}", at, {"tokens": n, "model": f"model-{n}"}) for n in range(1, SHOWN + 8)]
    events.append(draft(customer, "none", at, {"tokens": 10**6}))
    ingest_events(events=events, token_customer_id=None, at=at)
    window = Window(at - timedelta(hours=1), at + timedelta(hours=1))
    found = breakdown(customer.pk, tokens, window, "model")

    assert found.members[0] == (None, 10**6)
    assert found.members[1] == ("model-27", 27)
    assert len(found.members) == SHOWN
    assert found.others == 8
    assert found.rest == sum(range(1, 9))
    assert (
        sum(member.quantity for member in found.members) + found.rest
        == timeline(customer.pk, tokens, window, "day").quantity
    )


def test_what_was_taken_back_whole_is_no_value(customer, tokens, at):
    data = {"tokens": 5, "model": "small"}
    back = draft(customer, "c1", at, {**data, "tokens": -5}, corrects="e1")
    ingest_events(events=[draft(customer, "e1", at, data), back], token_customer_id=None, at=at)

    assert breakdown(customer.pk, tokens, Window(at, at + timedelta(hours=1)), "model") == ((), 0, Decimal(0))


def test_only_what_the_roll_ups_count_is_counted(customer, tokens, at):
    """Events of its type that another meter took: without a number, with one that is too large, or none at all."""
    other = define_meter(key="calls", name="Calls", event_type="ai.tokens", aggregation="count", at=at, actor=None)
    define_feature(key="calls", name="Calls", meter=other, at=at, actor=None)
    odd = [{"tokens": "7"}, {"tokens": None}, {}, {"tokens": {"in": 1}}, {"tokens": 10**15}, {"tokens": 0.5}]
    rows = [draft(customer, f"e{n}", at, {"model": ["x"] if n % 2 else "small", **data}) for n, data in enumerate(odd)]
    UsageEvent.objects.bulk_create(
        UsageEvent(
            customer=customer, source=row.source, event_id=row.event_id, type=row.type, subject=row.subject, time=at,
            data=row.data, received_at=at,
        )
        for row in rows
    )  # fmt: skip
    rebuild_hours(tokens.pk, at=at)
    found = breakdown(customer.pk, tokens, Window(at, at + timedelta(hours=1)), "model")

    assert found.members == ((None, Decimal("0.5")),)
    assert timeline(customer.pk, tokens, Window(at, at + timedelta(hours=1)), "hour").quantity == Decimal("0.5")


def test_only_what_is_priced_or_was_used_can_be_explored(customer, other_customer, tokens, requests, at):
    ingest_events(events=[draft(customer, "e1", at, {"tokens": 5})], token_customer_id=None, at=at)

    assert explorable_features(customer.pk, []) == [tokens]
    assert explorable_features(customer.pk, ["requests", "unknown"]) == [tokens, requests]
    assert explorable_features(other_customer.pk, []) == []
