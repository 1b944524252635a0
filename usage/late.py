"""The SQL that finds usage which came late: hours touched since somebody looked. Called inside this room only.

An hour is stored as late where it was touched LATE after it began; the index `usage_hour_late` has those alone, so
that looking for them costs as much as came late, however long the history is. An hour that was touched sooner after it
began, and yet after the look, began less than LATE before the look: the second part reads those few by their key.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection

from usage.measuring import array

LATE = timedelta(hours=2)  # as in the index
HOUR = timedelta(hours=1)

IS_LATE = "touched_at >= (hour AT TIME ZONE 'UTC' + interval '2 hours') AT TIME ZONE 'UTC'"

TOUCHED_HOURS = f"""
SELECT late.customer_id, late.feature_id, late.hour
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS asked (customer_id, since, until)
CROSS JOIN LATERAL (
    SELECT customer_id, feature_id, hour FROM usage_usagehour
    WHERE customer_id = asked.customer_id AND touched_at >= asked.since AND hour < asked.until AND {IS_LATE}
) AS late
UNION
SELECT soon.customer_id, soon.feature_id, soon.hour
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS asked (customer_id, since, until)
CROSS JOIN usage_feature AS feature
JOIN usage_usagehour AS soon ON soon.customer_id = asked.customer_id AND soon.feature_id = feature.id
    AND soon.hour > asked.since - interval '2 hours' AND soon.hour < asked.until AND soon.touched_at >= asked.since
"""  # noqa: S608 - joined from constants


class Looked(NamedTuple):
    """When usage of a customer was looked at last, and until which instant it is billed."""

    at: datetime
    until: datetime


def touched_hours(looks: Mapping[int, Looked]) -> Iterator[tuple[int, int, datetime]]:
    """(customer, feature, hour) of every hour before `until` that was touched at or after `at`."""
    rows = [(customer_id, look.at, look.until) for customer_id, look in looks.items()]
    soon = [row for row in rows if _first_hour_after(row[1] - LATE) < row[2]]
    with connection.cursor() as cursor:
        cursor.execute(TOUCHED_HOURS, [*_columns(rows), *_columns(soon)])
        yield from cursor


def _first_hour_after(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0) + HOUR


def _columns(rows: list[tuple[int, datetime, datetime]]) -> list[str]:
    return [
        array(str(row[0]) for row in rows),
        array(row[1].isoformat() for row in rows),
        array(row[2].isoformat() for row in rows),
    ]
