"""What events bring, in Python and in SQL alike."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usage.aggregation import NEVER, RULES, Found, Measure, Partial, answer, combine, measured, merge, number, text
from usage.cloudevents import json_text
from usage.paths import keys

DIMENSIONS = {"model": "$.model", "region": '$.where["the region"]'}
CASES = [
    ("count", "", {}, {}, False, 1),
    ("count", "", {}, {"tokens": 5}, True, -1),
    ("count", "", {"model": ["small"]}, {"model": "small"}, False, 1),
    ("count", "", {"model": ["small"]}, {"model": "large"}, False, None),
    ("count", "", {"model": ["small"]}, {}, False, None),
    ("count", "", {"model": ["200"]}, {"model": 200}, False, 1),
    ("count", "", {"model": ["true"]}, {"model": True}, False, 1),
    ("count", "", {"model": ["1.50"]}, {"model": Decimal("1.50")}, False, 1),
    ("count", "", {"model": ["None"]}, {"model": None}, False, None),
    ("count", "", {"model": ["[]"]}, {"model": []}, False, None),
    ("count", "", {"region": ["eu"]}, {"where": {"the region": "eu"}}, False, 1),
    ("count", "", {"region": ["eu"]}, {"where": "eu"}, False, None),
    ("count", "", {"model": ["a"], "region": ["eu"]}, {"model": "a", "where": {"the region": "us"}}, False, None),
    ("sum", "$.tokens", {}, {"tokens": 5}, False, 5),
    ("sum", "$.tokens", {}, {"tokens": Decimal("0.000000000001")}, False, Decimal("0.000000000001")),
    ("sum", "$.tokens", {}, {"tokens": -5}, True, -5),
    ("sum", "$.tokens", {}, {"tokens": "5"}, False, None),
    ("sum", "$.tokens", {}, {"tokens": True}, False, None),
    ("sum", "$.tokens", {}, {"tokens": [5]}, False, None),
    ("sum", "$.tokens", {}, {}, False, None),
    ("unique_count", "$.user", {}, {"user": "ann"}, False, 1),
    ("unique_count", "$.user", {}, {"user": 7}, True, -1),
    ("unique_count", "$.user", {}, {"user": None}, False, None),
    ("unique_count", "$.user", {}, {"user": {}}, False, None),
    ("unique_count", "$.user", {"model": ["small"]}, {"user": "ann"}, False, None),
    ("avg", "$.tokens", {}, {"tokens": 5}, False, 5),
    ("min", "$.tokens", {}, {"tokens": 5}, False, 5),
    ("max", "$.tokens", {}, {"tokens": -5}, True, -5),
    ("latest", "$.tokens", {}, {"tokens": "5"}, False, None),
    ("sum", "$.usage.tokens", {}, {"usage": {"tokens": 7}}, False, 7),
    ("sum", "$.usage.tokens", {}, {"usage": [{"tokens": 7}]}, False, None),
]


def measure(aggregation, value_path, filters):
    return Measure(
        aggregation,
        keys(value_path) if value_path else (),
        tuple((keys(DIMENSIONS[name]), frozenset(allowed)) for name, allowed in filters.items()),
    )


def measured_in_sql(aggregation, value_path, filters, data, corrects):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT usage_measure(%s::jsonb, %s, %s, %s, %s::jsonb, %s::jsonb)",
            [json_text(data), corrects, aggregation, value_path, json.dumps(DIMENSIONS), json.dumps(filters)],
        )
        return cursor.fetchone()[0]


@pytest.mark.parametrize(("aggregation", "value_path", "filters", "data", "corrects", "brings"), CASES)
def test_it_knows_what_an_event_brings(aggregation, value_path, filters, data, corrects, brings):
    assert measured(measure(aggregation, value_path, filters), data, corrects=corrects) == brings


@pytest.mark.django_db
@pytest.mark.parametrize(("aggregation", "value_path", "filters", "data", "corrects", "brings"), CASES)
def test_it_measures_the_same_in_the_database(aggregation, value_path, filters, data, corrects, brings):
    assert measured_in_sql(aggregation, value_path, filters, data, corrects) == brings


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**14), 10**14),
    st.decimals(-(10**14), 10**14, places=12, allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8),
)


@pytest.mark.django_db
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.sampled_from(["tokens", "model", "where", "other"]), VALUES), VALUES, st.booleans())
def test_it_measures_whatever_arrives_as_the_database_does(db, data, allowed, corrects):
    filters = {"model": [text(allowed)]} if text(allowed) is not None else {}
    for aggregation, rule in RULES.items():
        value_path = "$.tokens" if rule.needs_value else ""
        here = measured(measure(aggregation, value_path, filters), data, corrects=corrects)
        assert measured_in_sql(aggregation, value_path, filters, data, corrects) == here


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), 1.5, "1", None, True, [], {}])
def test_it_takes_only_exact_numbers(value):
    assert number(value) is None


def test_it_sums_far_beyond_the_default_precision():
    large, small = Decimal(10) ** 25, Decimal("0.000000000001")
    found = [Found(large, NEVER), Found(small, NEVER)]
    assert combine("sum", found) == Partial(Decimal("10000000000000000000000000.000000000001"), 2)


INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 3), timezones=st.just(UTC))  # noqa: DTZ001
QUANTITIES = st.decimals(-(10**14), 10**14, places=12, allow_nan=False, allow_infinity=False)
EVENTS = st.lists(st.builds(Found, QUANTITIES, INSTANTS), max_size=30)


@given(st.sampled_from(sorted(RULES)), EVENTS, st.randoms(), st.integers(0, 30), st.integers(0, 30))
def test_it_merges_parts_to_the_whole_wherever_they_are_cut(aggregation, found, random, one, other):
    mixed = random.sample(found, len(found))
    first, second = sorted((one, other))
    parts = [combine(aggregation, part) for part in (mixed[:first], mixed[first:second], mixed[second:])]
    assert merge(aggregation, random.sample(parts, 3)) == combine(aggregation, found)


def by_hand(aggregation, found):
    values = [quantity for quantity, _time in found]
    if not values:
        return 0
    return {
        "count": sum(map(Fraction, values)),
        "sum": sum(map(Fraction, values)),
        "unique_count": sum(map(Fraction, values)),
        "avg": sum(map(Fraction, values)) / len(values),
        "min": min(values),
        "max": max(values),
        "latest": max((time, quantity) for quantity, time in found)[1],
    }[aggregation]


@given(st.sampled_from(sorted(RULES)), EVENTS)
def test_it_answers_as_counting_by_hand(aggregation, found):
    difference = Fraction(answer(aggregation, combine(aggregation, found))) - Fraction(by_hand(aggregation, found))
    assert abs(difference) <= (Fraction(1, 2 * 10**12) if aggregation == "avg" else 0)


@pytest.mark.parametrize(("aggregation", "quantity"), [("sum", 20), ("avg", 5), ("min", 1), ("max", 8), ("latest", 1)])
def test_it_answers_as_the_table_in_the_docs_says(aggregation, quantity):
    found = [Found(Decimal(value), NEVER.replace(minute=place)) for place, value in enumerate((3, 8, 8, 1))]
    assert answer(aggregation, combine(aggregation, found)) == quantity
    assert answer(aggregation, combine(aggregation, [])) == 0


@pytest.mark.parametrize(
    ("quantity", "events", "average"),
    [("10", 3, "3.333333333333"), ("20", 3, "6.666666666667"), ("-20", 3, "-6.666666666667"), ("0", 0, "0")],
)
def test_it_rounds_an_average_to_twelve_decimals(quantity, events, average):
    assert answer("avg", Partial(Decimal(quantity), events)) == Decimal(average)
