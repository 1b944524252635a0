"""The events behind a quantity: they sum to it, and only they are listed."""

from datetime import timedelta
from decimal import Decimal

import pytest

from core.periods import Window
from usage.contributions import contributions, first_and_last
from usage.selectors import Span, features_by_key, quantities
from usage.services.define_feature import define_feature
from usage.services.ingest_events import ingest_events
from usage.tests.conftest import event

DAY = timedelta(days=1)


def keep(at, *events):
    result = ingest_events(events=list(events), token_customer_id=None, at=at)
    assert not result.rejected


@pytest.fixture
def window(at):
    return Window(at, at + DAY)


def test_they_sum_to_the_quantity_of_the_window(customer, tokens, window, at):
    keep(
        at + DAY,
        event(customer, "before", at - timedelta(microseconds=1)),
        event(customer, "first", at, data={"tokens": Decimal("0.25")}),
        event(customer, "last", window.end - timedelta(microseconds=1), data={"tokens": 7}),
        event(customer, "after", window.end),
    )
    feature = features_by_key(["tokens"])["tokens"]
    rows = list(contributions(customer.pk, feature, window))
    span = Span(customer.pk, tokens.pk, window.start, window.end)
    assert [row.event_id for row in rows] == ["first", "last"]
    assert sum(row.quantity for row in rows) == quantities([span])[span] == Decimal("7.25")


def test_a_correction_takes_away(customer, requests, window, at):
    request = {"type": "api.request", "data": {"status": 200}}
    keep(at, event(customer, "one", at, **request))
    keep(at + DAY, event(customer, "two", at + DAY / 2, corrects="one", **request))
    rows = list(contributions(customer.pk, requests, window))
    assert [(row.quantity, row.corrects) for row in rows] == [(1, ""), (-1, "one")]


def test_the_features_filter_decides(customer, token_meter, window, at):
    only = define_feature(key="gpt", name="GPT", meter=token_meter, filters={"model": ["gpt"]}, at=at, actor=None)
    keep(
        at,
        event(customer, "in", at, data={"tokens": 1, "model": "gpt"}),
        event(customer, "out", at, data={"tokens": 1, "model": "other"}),
    )
    assert [row.event_id for row in contributions(customer.pk, only, window)] == ["in"]


def test_what_came_later_can_be_left_out(customer, tokens, window, at):
    keep(at + DAY, event(customer, "in-time", at))
    keep(at + DAY + timedelta(seconds=1), event(customer, "late", at))
    rows = contributions(customer.pk, tokens, window, received_until=at + DAY)
    assert [row.event_id for row in rows] == ["in-time"]


def test_another_customers_events_are_not_there(customer, other_customer, tokens, window, at):
    keep(at, event(other_customer, "theirs", at))
    assert list(contributions(customer.pk, tokens, window)) == []


def test_it_knows_when_the_first_and_the_last_was_used(customer, token_meter, window, at):
    only = define_feature(key="gpt", name="GPT", meter=token_meter, filters={"model": ["gpt"]}, at=at, actor=None)
    used = {"tokens": 1, "model": "gpt"}
    keep(
        at + DAY,
        event(customer, "other", at, data={**used, "model": "other"}),
        event(customer, "first", at + DAY / 8, data=used),
        event(customer, "middle", at + DAY / 4, data=used),
        event(customer, "last", at + DAY / 2, data=used),
    )
    keep(at + 2 * DAY, event(customer, "late", at + DAY / 16, data=used))
    keep(at + 2 * DAY, event(customer, "taken-back", at + DAY * 3 / 4, corrects="middle", data=used))
    assert first_and_last(customer.pk, only, window) == (at + DAY / 16, at + DAY / 2)
    assert first_and_last(customer.pk, only, window, received_until=at + DAY) == (at + DAY / 8, at + DAY / 2)
    assert first_and_last(customer.pk, only, Window(at + DAY, at + 2 * DAY)) is None
