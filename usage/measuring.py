"""The SQL that measures: what the events of a window come to, hour by hour or in all. Called inside this room only.

Sums and counts add what every event brings. The others look at what is left of an event after its corrections, which
stand at the same instant as the event: `GAUGED` groups them, and drops an event that was taken back whole.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache

from django.db import connection

from usage.aggregation import RULES, Partial

HourKey = tuple[int, int, datetime]
Asked = tuple[int, int, int, datetime, datetime]  # place in the answer, customer, feature, from, until
Hour = tuple[int, int, datetime, Decimal | None, int | None, Decimal | None, int | None]

_iso = lru_cache(maxsize=4096)(datetime.isoformat)  # customers that are billed together ask about few windows

ADDITIVE = "(" + ", ".join(f"'{name}'" for name, rule in RULES.items() if rule.additive) + ")"
GAUGES = "(" + ", ".join(f"'{name}'" for name, rule in RULES.items() if not rule.additive) + ")"
BRINGS = """usage_measure(event.data, event.corrects <> '', meter.aggregation, meter.value_path, meter.dimensions,
            feature.filters)"""
AGGREGATED = """CASE meter.aggregation WHEN 'min' THEN min(used.quantity) WHEN 'max' THEN max(used.quantity)
            WHEN 'avg' THEN sum(used.quantity)
            ELSE (array_agg(used.quantity ORDER BY used.latest_at DESC, used.quantity DESC))[1] END AS quantity,
            CASE meter.aggregation WHEN 'latest' THEN max(used.latest_at) END AS latest_at"""
WHOLE_EVENT = "CASE WHEN event.corrects = '' THEN event.event_id ELSE event.corrects END"

GAUGED = f"""
        SELECT {AGGREGATED}, count(*) AS events
        FROM (
            SELECT sum(brought.quantity) AS quantity, max(brought."time") AS latest_at
            FROM (
                SELECT event.source, {WHOLE_EVENT} AS whole, event.corrects, event."time", {BRINGS} AS quantity
                FROM usage_usageevent AS event
                WHERE event.customer_id = asked.customer_id AND event.type = meter.event_type
                    AND event."time" >= asked.since AND event."time" < asked.until
            ) AS brought
            WHERE brought.quantity IS NOT NULL
            GROUP BY brought.source, brought.whole
            HAVING bool_and(brought.corrects = '') OR sum(brought.quantity) <> 0
        ) AS used
"""  # noqa: S608 - joined from constants, like all below

MEASURED_HOURS = f"""
SELECT customer_id, feature_id, hour, sum(brings) AS quantity, count(*) AS events, NULL::timestamptz AS latest_at
FROM (
    SELECT event.customer_id, feature.id AS feature_id, date_trunc('hour', event."time", 'UTC') AS hour,
        {BRINGS} AS brings
    FROM usage_feature AS feature
    JOIN usage_meter AS meter ON meter.id = feature.meter_id
    JOIN usage_usageevent AS event ON event.type = meter.event_type
    WHERE meter.aggregation IN {ADDITIVE} AND (%(feature_id)s::bigint IS NULL OR feature.id = %(feature_id)s)
) AS measured
WHERE brings IS NOT NULL
GROUP BY 1, 2, 3
UNION ALL
SELECT asked.customer_id, feature.id, asked.since, used.quantity, used.events, used.latest_at
FROM usage_feature AS feature
JOIN usage_meter AS meter ON meter.id = feature.meter_id
CROSS JOIN LATERAL (
    SELECT DISTINCT event.customer_id, date_trunc('hour', event."time", 'UTC') AS since,
        date_trunc('hour', event."time", 'UTC') + interval '1 hour' AS until
    FROM usage_usageevent AS event
    WHERE event.type = meter.event_type
) AS asked
CROSS JOIN LATERAL ({GAUGED}) AS used
WHERE meter.aggregation IN {GAUGES} AND (%(feature_id)s::bigint IS NULL OR feature.id = %(feature_id)s)
    AND used.events > 0
"""  # noqa: S608

REBUILD_HOURS = f"""
INSERT INTO usage_usagehour (customer_id, feature_id, hour, quantity, events, latest_at, touched_at)
SELECT customer_id, feature_id, hour, quantity, events, latest_at, %(at)s FROM ({MEASURED_HOURS}) AS hours
ORDER BY 1, 2, 3
"""  # noqa: S608

GAUGE_HOURS_AGAIN = f"""
INSERT INTO usage_usagehour (customer_id, feature_id, hour, quantity, events, latest_at, touched_at)
SELECT asked.customer_id, asked.feature_id, asked.since, coalesce(used.quantity, 0), used.events, used.latest_at, %s
FROM (
    SELECT customer_id, feature_id, since, since + interval '1 hour' AS until
    FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS named (customer_id, feature_id, since)
) AS asked
JOIN usage_feature AS feature ON feature.id = asked.feature_id
JOIN usage_meter AS meter ON meter.id = feature.meter_id
CROSS JOIN LATERAL ({GAUGED}) AS used
ORDER BY 1, 2, 3
ON CONFLICT (customer_id, feature_id, hour) DO UPDATE SET
    quantity = excluded.quantity, events = excluded.events, latest_at = excluded.latest_at,
    touched_at = greatest(usage_usagehour.touched_at, excluded.touched_at), touches = usage_usagehour.touches + 1
"""  # noqa: S608

DIFFERENT_HOURS = f"""
SELECT customer_id, feature_id, hour, known.quantity, known.events, summed.quantity, summed.events
FROM usage_usagehour AS known
FULL JOIN ({MEASURED_HOURS}) AS summed USING (customer_id, feature_id, hour)
WHERE (known.quantity, known.events, known.latest_at) IS DISTINCT FROM
        (summed.quantity, summed.events, summed.latest_at)
    AND (known.events IS DISTINCT FROM 0 OR summed.events IS NOT NULL)
ORDER BY 1, 2, 3
"""  # noqa: S608

ASKED = """
    SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
        AS asked (place, customer_id, feature_id, since, until)
"""
# Of whole hours, and of the edges of spans.
SUMS = {
    "asked_hours": """
    SELECT asked.place, used.quantity
    FROM asked_hours AS asked
    JOIN usage_feature AS feature ON feature.id = asked.feature_id
    JOIN usage_meter AS meter ON meter.id = feature.meter_id
    CROSS JOIN LATERAL (
        SELECT sum(known.quantity) AS quantity
        FROM usage_usagehour AS known
        WHERE known.customer_id = asked.customer_id AND known.feature_id = asked.feature_id
            AND known.hour >= asked.since AND known.hour < asked.until
    ) AS used
    WHERE meter.aggregation IN ('count', 'sum')
""",
    "asked_edges": f"""
    SELECT asked.place, used.quantity
    FROM asked_edges AS asked
    JOIN usage_feature AS feature ON feature.id = asked.feature_id
    JOIN usage_meter AS meter ON meter.id = feature.meter_id
    CROSS JOIN LATERAL (
        SELECT sum({BRINGS}) AS quantity
        FROM usage_usageevent AS event
        WHERE event.customer_id = asked.customer_id AND event.type = meter.event_type
            AND event."time" >= asked.since AND event."time" < asked.until
    ) AS used
    WHERE meter.aggregation IN ('count', 'sum')
""",  # noqa: S608
}
GAUGES_OF = {
    "asked_hours": f"""
SELECT asked.place, meter.aggregation, used.quantity, used.events, used.latest_at
FROM asked_hours AS asked
JOIN usage_feature AS feature ON feature.id = asked.feature_id
JOIN usage_meter AS meter ON meter.id = feature.meter_id
CROSS JOIN LATERAL (
    SELECT {AGGREGATED}, sum(used.events)::bigint AS events
    FROM usage_usagehour AS used
    WHERE used.customer_id = asked.customer_id AND used.feature_id = asked.feature_id
        AND used.hour >= asked.since AND used.hour < asked.until AND used.events > 0
) AS used
WHERE meter.aggregation IN {GAUGES} AND used.events > 0
""",  # noqa: S608
    "asked_edges": f"""
SELECT asked.place, meter.aggregation, used.quantity, used.events, used.latest_at
FROM asked_edges AS asked
JOIN usage_feature AS feature ON feature.id = asked.feature_id
JOIN usage_meter AS meter ON meter.id = feature.meter_id
CROSS JOIN LATERAL ({GAUGED}) AS used
WHERE meter.aggregation IN {GAUGES} AND used.events > 0
""",  # noqa: S608
}
UNIQUE = f"""
JOIN usage_feature AS feature ON feature.id = asked.feature_id
JOIN usage_meter AS meter ON meter.id = feature.meter_id
CROSS JOIN LATERAL (
    SELECT usage_member(event.data, meter.value_path) AS member
    FROM usage_usageevent AS event
    WHERE event.customer_id = asked.customer_id AND event.type = meter.event_type
        AND event."time" >= asked.since AND event."time" < asked.until
        AND event.corrects = '' AND {BRINGS} IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM usage_usageevent AS back
            WHERE back.customer_id = event.customer_id AND back.source = event.source
                AND back.corrects = event.event_id AND back.corrects <> ''
        )
    OFFSET 0 -- kept apart, so that events are looked up by interval and never read as a whole
) AS used
WHERE meter.aggregation = 'unique_count'
GROUP BY asked.place
"""  # noqa: S608


@cache
def measured_spans(*names: str) -> str:
    """Of one or both of `asked_hours` and `asked_edges`. The database plans the whole statement each time it is asked:
    what nobody asks for is left out."""
    asked = ", ".join(f"{name} AS ({ASKED})" for name in names)
    every = " UNION ALL ".join(f"SELECT * FROM {name}" for name in names)  # noqa: S608
    sums = " UNION ALL ".join(SUMS[name] for name in names)
    gauges = " UNION ALL ".join(GAUGES_OF[name] for name in names)
    return f"""
WITH {asked}, sums AS ({sums})
SELECT place, 'sum' AS aggregation, sum(quantity) AS quantity, 1::bigint AS events, NULL::timestamptz AS latest_at
FROM sums WHERE quantity IS NOT NULL GROUP BY place
UNION ALL {gauges}
UNION ALL
SELECT asked.place, 'unique_count', count(DISTINCT used.member), count(*), NULL
FROM ({every}) AS asked {UNIQUE}
"""  # noqa: S608


USED_HOURS = """
SELECT asked.place, known.hour
FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
    AS asked (place, customer_id, feature_id, since, until)
JOIN usage_usagehour AS known ON known.customer_id = asked.customer_id AND known.feature_id = asked.feature_id
    AND known.hour >= date_trunc('hour', asked.since, 'UTC') AND known.hour < asked.until
ORDER BY asked.place, known.hour
"""


def rebuild_hours(feature_id: int, *, at: datetime) -> int:
    """Make the hours of a feature that has none, from all events. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(REBUILD_HOURS, {"feature_id": feature_id, "at": at})
        return int(cursor.rowcount)


def measure_gauges_again(hours: Iterable[HourKey], *, at: datetime) -> None:
    """Make these hours of min, max, avg and latest anew from their events, some of which were corrected.

    An hour that nothing is left of stays, with no events, so that whoever rated it sees that it was touched. Needs
    the catalogue's lock: a batch that is stored at the same time would not be seen.
    """
    customers, features, starts = zip(*sorted(hours), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(GAUGE_HOURS_AGAIN, [at, list(customers), list(features), list(starts)])


def different_hours() -> Iterator[Hour]:
    """Hours that are not what their events come to: the key, then quantity and events of the hour and of the events."""
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENT_HOURS, {"feature_id": None})
        yield from cursor


def measure_spans(hours: Sequence[Asked], edges: Sequence[Asked]) -> Iterator[tuple[int, str, Partial]]:
    """(place, aggregation, part) of every place where something was used; several parts of a place are to be merged.

    Sums and counts come as one sum; unique counts, too, are whole.
    """
    asked = {name: rows for name, rows in (("asked_hours", hours), ("asked_edges", edges)) if rows}
    if not asked:
        return
    with connection.cursor() as cursor:
        cursor.execute(measured_spans(*asked), [column for rows in asked.values() for column in _columns(rows)])
        for place, aggregation, quantity, events, latest_at in cursor:
            yield place, aggregation, Partial(quantity, events, latest_at)


def used_hours(rows: Sequence[Asked]) -> list[tuple[int, datetime]]:
    """(place, hour) of every hour of the intervals in which something was used; the hours of a place ascend."""
    with connection.cursor() as cursor:
        cursor.execute(USED_HOURS, _columns(rows))
        return list(cursor)


def _columns(rows: Sequence[Asked]) -> list[str]:
    columns = list(zip(*rows, strict=True)) or [()] * 5
    return [array(map(str, column)) for column in columns[:3]] + [array(map(_iso, column)) for column in columns[3:]]


def array(texts: Iterable[str]) -> str:
    """An array literal of numbers or instants, which need no quotes; the driver's own takes ten times as long."""
    return "{" + ",".join(texts) + "}"
