"""What events bring, in Python and in SQL alike."""

import json
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usage.aggregation import Measure, Partial, combine, measured, number, text
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
    for aggregation, value_path in (("count", ""), ("sum", "$.tokens")):
        here = measured(measure(aggregation, value_path, filters), data, corrects=corrects)
        assert measured_in_sql(aggregation, value_path, filters, data, corrects) == here


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), 1.5, "1", None, True, [], {}])
def test_it_takes_only_exact_numbers(value):
    assert number(value) is None


def test_it_sums_far_beyond_the_default_precision():
    large, small = Decimal(10) ** 25, Decimal("0.000000000001")
    assert combine([large, small]) == Partial(Decimal("10000000000000000000000000.000000000001"), 2)


@given(st.lists(st.decimals(-(10**14), 10**14, places=12, allow_nan=False, allow_infinity=False)), st.integers(0, 50))
def test_it_merges_parts_to_the_whole_wherever_they_are_cut(quantities, cut):
    whole = combine(quantities[:cut]).merge(combine(quantities[cut:]))
    assert whole == combine(quantities)
