"""Which windows usage has reached after they were rated."""

from datetime import timedelta

import pytest

from usage.selectors import STORING, Span, touched_windows
from usage.services.ingest_events import ingest_events
from usage.tests.conftest import event

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def use(customer, event_id, time, received):
    result = ingest_events(events=[event(customer, event_id, time)], token_customer_id=None, at=received)
    assert result.accepted == 1


def test_it_finds_the_window_that_a_late_event_belongs_to(customer, other_customer, tokens, at):
    days = [Span(customer.pk, tokens.pk, at - n * DAY, at - (n - 1) * DAY) for n in range(1, 5)]
    theirs = Span(other_customer.pk, tokens.pk, at - 3 * DAY, at - 2 * DAY)
    use(customer, "on time", at - 2.5 * DAY, at - 2.5 * DAY)
    rated = {span: span.end + HOUR for span in [*days, theirs]}
    assert touched_windows(rated) == set()

    use(customer, "late", at - 2.2 * DAY, at)
    assert touched_windows(rated) == {days[2]}


def test_it_asks_once_for_many_and_nothing_for_none(customer, tokens, at, django_assert_num_queries):
    use(customer, "e", at - DAY, at)
    spans = [Span(customer.pk, tokens.pk, at - n * HOUR, at - (n - 1) * HOUR) for n in range(1, 60)]
    with django_assert_num_queries(1):
        found = touched_windows(dict.fromkeys(spans, at - HOUR))
    assert found == {span for span in spans if span.start == at - DAY}
    with django_assert_num_queries(0):
        assert touched_windows({}) == set()


def test_it_looks_at_hours_on_the_edges_as_a_whole(customer, tokens, at):
    minute = timedelta(minutes=1)
    use(customer, "e", at + 5 * minute, at + 10 * minute)
    cut = Span(customer.pk, tokens.pk, at - DAY, at + minute)
    begun = Span(customer.pk, tokens.pk, at + 30 * minute, at + DAY)
    before = Span(customer.pk, tokens.pk, at - DAY, at)
    assert touched_windows(dict.fromkeys([cut, begun, before], at + minute)) == {cut, begun}


def test_it_does_not_miss_a_batch_that_was_being_stored_when_the_window_was_rated(customer, tokens, at):
    span = Span(customer.pk, tokens.pk, at - DAY, at)
    use(customer, "e", at - HOUR, at)
    assert touched_windows({span: at + STORING}) == {span}
    assert touched_windows({span: at + STORING + timedelta(microseconds=1)}) == set()
