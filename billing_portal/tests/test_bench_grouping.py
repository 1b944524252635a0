"""The measurement of grouping runs, on days that agree with their events."""

import pytest

from billing_portal.benchmarks import grouping as bench
from usage import books
from usage.models import UsageDay

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forgets_statistics")]


def test_a_month_is_grouped_from_events_and_from_days(monkeypatch):
    monkeypatch.setattr(bench, "ROUNDS", 1)
    lines = [str(measured) for measured in bench.measure_grouping(events=310)]

    assert [line.split("events by ")[1] for line in lines] == [
        "model, from events",
        "route, from events",
        "model, from days",
        "route, from days",
    ]
    assert UsageDay.objects.count() == bench.DAYS * 2
    assert list(books.check()) == []
