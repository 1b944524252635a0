"""Defining meters and features."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import AuditEntry
from usage import books
from usage.exceptions import FeatureExistsError, InvalidFeatureError, InvalidMeterError, MeterExistsError
from usage.models import Feature, Meter, UsageHour
from usage.services.define_feature import define_feature
from usage.services.define_meter import define_meter
from usage.services.ingest_events import ingest_events
from usage.tests.conftest import event

pytestmark = pytest.mark.django_db

METER: dict[str, Any] = {"key": "m", "name": "M", "event_type": "t", "aggregation": "sum", "value_path": "$.v"}


def test_it_defines_a_meter_once(staff, at):
    first = define_meter(**METER, at=at, actor=staff)
    assert define_meter(**METER, at=at, actor=staff) == first
    assert AuditEntry.objects.filter(action="define_meter", actor=staff, subject=f"meter:{first.pk}").count() == 1


@pytest.mark.parametrize("changed", [{"value_path": "$.w"}, {"event_type": "u"}, {"dimensions": {"a": "$.a"}}])
def test_it_refuses_another_meter_of_the_same_key(changed, at):
    define_meter(**METER, at=at, actor=None)
    with pytest.raises(MeterExistsError):
        define_meter(**{**METER, **changed}, at=at, actor=None)


@pytest.mark.parametrize(
    "changed",
    [
        {"aggregation": "median"},
        {"value_path": ""},
        {"value_path": "v"},
        {"aggregation": "count"},
        {"dimensions": {"a": "a"}},
        {"event_type": ""},
        {"key": ""},
    ],
)
def test_it_refuses_a_meter_that_cannot_be_measured(changed, at):
    with pytest.raises(InvalidMeterError):
        define_meter(**{**METER, **changed}, at=at, actor=None)
    assert not Meter.objects.exists()


def test_it_defines_a_feature_once(token_meter, staff, at):
    values: dict[str, Any] = {"key": "f", "name": "F", "meter": token_meter, "filters": {"model": ["b", "a"]}}
    first = define_feature(**values, at=at, actor=staff)
    assert define_feature(**values, at=at, actor=staff) == first
    assert first.filters == {"model": ["a", "b"]}
    assert AuditEntry.objects.filter(action="define_feature", actor=staff).count() == 1


def test_it_refuses_another_feature_of_the_same_key(token_meter, tokens, at):
    with pytest.raises(FeatureExistsError):
        define_feature(key="tokens", name="Tokens", meter=None, at=at, actor=None)
    with pytest.raises(FeatureExistsError):
        define_feature(key="tokens", name="Tokens", meter=token_meter, filters={"model": ["a"]}, at=at, actor=None)


def test_it_refuses_filters_that_select_nothing(token_meter, at):
    for meter, filters in [(token_meter, {"size": ["a"]}), (token_meter, {"model": []}), (None, {"model": ["a"]})]:
        with pytest.raises(InvalidFeatureError):
            define_feature(key="f", name="F", meter=meter, filters=filters, at=at, actor=None)
    assert not Feature.objects.exists()


def test_it_rebuilds_the_hours_of_a_new_feature(customer, other_customer, token_meter, at):
    events = [
        event(owner, f"e{n}", at - timedelta(minutes=20 * n), data={"tokens": n, "model": "ab"[n % 2]})
        for n in range(12)
        for owner in (customer, other_customer)
    ]
    ingest_events(events=events, token_customer_id=None, at=at)
    feature = define_feature(key="a", name="A", meter=token_meter, filters={"model": ["a"]}, at=at, actor=None)
    hours = UsageHour.objects.filter(feature=feature, customer=customer)
    assert sum(hours.values_list("quantity", flat=True)) == 0 + 2 + 4 + 6 + 8 + 10
    assert UsageHour.objects.filter(feature=feature).count() == 2 * hours.count()
    assert list(books.check()) == []


def test_it_defines_a_feature_without_a_meter(at):
    feature = define_feature(key="support", name="Support", meter=None, at=at, actor=None)
    assert not UsageHour.objects.filter(feature=feature).exists()
