from datetime import UTC, datetime, timedelta

import pytest

from plans.ago import ago, updated

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1, seconds=59), "1 minute ago"),
        (timedelta(minutes=2), "2 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=47, minutes=59), "47 hours ago"),
        (timedelta(days=2), "2 days ago"),
    ],
)
def test_it_is_never_older_than_it_is(age, words):
    assert ago(age) == words


def test_it_names_the_day_where_that_is_not_today():
    assert updated(NOON - timedelta(minutes=2), NOON) == "Updated 11:58 UTC (2 minutes ago)"
    assert updated(NOON - timedelta(hours=13), NOON) == "Updated 19 Nov 2026, 23:00 UTC (13 hours ago)"
