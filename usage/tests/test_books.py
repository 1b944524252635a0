"""The proof that hours equal their events."""

from datetime import timedelta

import pytest

from usage import books
from usage.models import UsageEvent, UsageHour
from usage.services.ingest_events import ingest_events
from usage.tests.conftest import event

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _used(customer, other_customer, tokens, requests, at):
    events = [
        event(owner, f"e{n}", at - n * timedelta(hours=1)) for n in range(3) for owner in (customer, other_customer)
    ]
    events += [event(customer, "r", at, type="api.request", data={})]
    ingest_events(events=events, token_customer_id=None, at=at)


def test_it_finds_nothing_where_all_is_well(django_assert_num_queries):
    with django_assert_num_queries(2):
        assert list(books.check()) == []


def test_it_finds_an_hour_that_says_more(customer, tokens, at):
    UsageHour.objects.filter(customer=customer, feature=tokens, hour=at).update(quantity=101)
    (finding,) = books.check()
    assert finding.subject == f"usage:customer:{customer.pk}:feature:{tokens.pk}:2026-10-20T10"
    assert "come to 100" in finding.detail
    assert "says 101" in finding.detail


def test_it_finds_an_hour_that_is_missing(customer, tokens, at):
    UsageHour.objects.filter(customer=customer, feature=tokens, hour=at).delete()
    (finding,) = books.check()
    assert finding.detail.endswith("the hour says nothing")


def test_it_finds_an_hour_without_events(customer, tokens, at):
    UsageEvent.objects.filter(customer=customer, type="ai.tokens", time=at).delete()
    (finding,) = books.check()
    assert finding.detail.startswith("events come to nothing")


def test_it_finds_a_wrong_number_of_events(customer, tokens, at):
    UsageHour.objects.filter(customer=customer, feature=tokens, hour=at).update(events=7)
    assert len(list(books.check())) == 1
