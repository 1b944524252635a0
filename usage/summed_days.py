"""The SQL of the days that are summed by a dimension once they are over. Called inside this room only.

A day knows how often its hours were written when its events were summed (`touches`, which only grows, and grows in
the transaction that stores an event). Whoever reads asks the hours in the same statement: where one was written since,
that day's events are read instead. So a summed day is never wrong, only of no use, until it is summed again.

Different values can't be merged from day to day, so unique counts are not summed.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from core.periods import Window
from usage.aggregation import RULES, Partial
from usage.dimensions import Asked, statement

DAY = timedelta(days=1)
WORTH = 1_000  # events of a day; fewer are read as quickly as what they were summed to

NEWEST = "(array_agg({part}quantity ORDER BY {part}latest_at DESC, {part}quantity DESC))[1]"
MERGED = {"min": "min(quantity)", "max": "max(quantity)", "latest": NEWEST.format(part="")}
TOUCHES = """(
        SELECT sum(hour.touches) FROM usage_usagehour AS hour
        WHERE hour.customer_id = summed.customer_id AND hour.feature_id = summed.feature_id
            AND hour.hour >= summed.day AND hour.hour < summed.day + interval '24 hours'
    )"""
OPEN_EVENTS = """(
    SELECT event.* FROM open CROSS JOIN LATERAL (
        SELECT * FROM usage_usageevent AS event
        WHERE event.customer_id = %(customer_id)s AND event.type = %(type)s
            AND event."time" >= open.since AND event."time" < open.until
        OFFSET 0 -- kept apart, so that events are looked up by interval and never read as a whole
    ) AS event
)"""
MOST = """
WITH known AS MATERIALIZED (
    SELECT summed.day, summed.members, summed.quantities, summed.events, summed.latest_at
    FROM usage_usageday AS summed
    WHERE summed.customer_id = %(customer_id)s AND summed.feature_id = %(feature_id)s
        AND summed.dimension = %(dimension)s AND summed.day = ANY(%(days)s::timestamptz[])
        AND summed.touches = {touches}
), open AS MATERIALIZED (
    SELECT since, until FROM unnest(%(since)s::timestamptz[], %(until)s::timestamptz[]) AS part (since, until)
    WHERE since NOT IN (SELECT day FROM known)
), grouped AS (
    SELECT member, {merged} AS quantity, {counted} AS events
    FROM (
        SELECT member, quantity, events, latest_at FROM ({grouped}) AS read
        UNION ALL
        SELECT part.member, part.quantity, part.events, part.latest_at
        FROM known CROSS JOIN LATERAL unnest(known.members, known.quantities, known.events, known.latest_at)
            AS part (member, quantity, events, latest_at)
    ) AS parts
    GROUP BY member {having}
)
SELECT member, quantity, events, count(*) OVER () AS members, sum(quantity) OVER () AS whole
FROM grouped ORDER BY quantity / events DESC, member LIMIT %(limit)s
"""
SUM_DAYS = """
INSERT INTO usage_usageday AS known
    (customer_id, feature_id, dimension, day, touches, members, quantities, events, latest_at)
SELECT summed.customer_id, summed.feature_id, %(dimension)s, summed.day, {touches}, coalesce(members, '{{}}'),
    coalesce(quantities, '{{}}'), coalesce(events, '{{}}'), coalesce(latest_at, '{{}}')
FROM (
    SELECT %(customer_id)s::bigint AS customer_id, %(feature_id)s::bigint AS feature_id, day
    FROM unnest(%(days)s::timestamptz[]) AS day
) AS summed
LEFT JOIN (
    SELECT bucket, array_agg(member) AS members, array_agg(quantity) AS quantities, array_agg(events) AS events,
        array_agg(latest_at) AS latest_at
    FROM ({grouped}) AS grouped GROUP BY bucket
) AS found ON found.bucket = summed.day
WHERE {touches} IS NOT NULL
ON CONFLICT (customer_id, feature_id, dimension, day) DO UPDATE SET
    touches = excluded.touches, members = excluded.members, quantities = excluded.quantities,
    events = excluded.events, latest_at = excluded.latest_at
WHERE excluded.touches <> known.touches
"""
DUE = """
SELECT used.customer_id, used.feature_id, names.name, array_agg(used.day ORDER BY used.day)
FROM (
    SELECT customer_id, feature_id, date_trunc('day', hour, 'UTC') AS day, sum(touches) AS touches
    FROM usage_usagehour WHERE hour < %s
    GROUP BY 1, 2, 3 HAVING sum(events) >= %s
) AS used
JOIN usage_feature AS feature ON feature.id = used.feature_id
JOIN usage_meter AS meter ON meter.id = feature.meter_id AND meter.aggregation <> ALL(%s)
CROSS JOIN LATERAL jsonb_object_keys(meter.dimensions) AS names (name)
LEFT JOIN usage_usageday AS summed ON summed.customer_id = used.customer_id AND summed.feature_id = used.feature_id
    AND summed.dimension = names.name AND summed.day = used.day
WHERE summed.touches IS DISTINCT FROM used.touches
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
DIFFERENT_DAYS = f"""
SELECT summed.customer_id, summed.feature_id, summed.dimension, summed.day, parts.quantity, hours.quantity
FROM usage_usageday AS summed
JOIN usage_feature AS feature ON feature.id = summed.feature_id
JOIN usage_meter AS meter ON meter.id = feature.meter_id
CROSS JOIN LATERAL (
    SELECT CASE meter.aggregation WHEN 'min' THEN min(part.quantity) WHEN 'max' THEN max(part.quantity)
        WHEN 'latest' THEN {NEWEST.format(part="part.")} ELSE sum(part.quantity) END AS quantity,
        CASE meter.aggregation WHEN 'avg' THEN sum(part.events) END AS events
    FROM unnest(summed.quantities, summed.events, summed.latest_at) AS part (quantity, events, latest_at)
) AS parts
CROSS JOIN LATERAL (
    SELECT CASE meter.aggregation WHEN 'min' THEN min(hour.quantity) WHEN 'max' THEN max(hour.quantity)
        WHEN 'latest' THEN {NEWEST.format(part="hour.")} ELSE sum(hour.quantity) END AS quantity,
        CASE meter.aggregation WHEN 'avg' THEN sum(hour.events) END AS events
    FROM usage_usagehour AS hour
    WHERE hour.customer_id = summed.customer_id AND hour.feature_id = summed.feature_id AND hour.events > 0
        AND hour.hour >= summed.day AND hour.hour < summed.day + interval '24 hours'
) AS hours
WHERE summed.touches = {TOUCHES}
    AND (coalesce(parts.quantity, 0), coalesce(parts.events, 0))
        <> (coalesce(hours.quantity, 0), coalesce(hours.events, 0))
ORDER BY 1, 2, 3, 4
"""  # noqa: S608 - joined from constants


class Due(NamedTuple):
    """Days of one customer and feature to sum by one dimension; midnights, ascending."""

    customer_id: int
    feature_id: int
    dimension: str
    days: list[datetime]


Row = tuple[str | None, Partial]
Different = tuple[int, int, str, datetime, Decimal | None, Decimal | None]


def most(asked: Asked, parts: Sequence[Window], limit: int) -> tuple[list[Row], int, Decimal]:
    """The members that used most, how many there are, and what all of them sum to (where the meter adds up).

    `parts`: the UTC days of the window, cut at its instants.
    """
    meter = asked.feature.meter
    rule = RULES[meter.aggregation] if meter else RULES["count"]
    # Where no day can be summed the window is read as it is, by several processes at once.
    grouped, values = statement(asked, "NULL", "usage_usageevent" if rule.by_value else OPEN_EVENTS)
    values |= {
        "feature_id": asked.feature.pk,
        "dimension": asked.dimension,
        "days": [] if rule.by_value else [part.start for part in parts if part.end - part.start == DAY],
        "since": [part.start for part in parts],
        "until": [part.end for part in parts],
        "limit": limit,
    }
    sql = MOST.format(
        touches=TOUCHES,
        grouped=grouped,
        merged=MERGED.get(meter.aggregation if meter else "", "sum(quantity)"),
        counted="1" if rule.additive else "sum(events)::bigint",
        having="HAVING sum(quantity) <> 0" if rule.adds_up else "",
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = cursor.fetchall()
    found = [(member, Partial(quantity, events)) for member, quantity, events, _members, _whole in rows]
    return found, (rows[0][3] if rows else 0), (rows[0][4] if rows else Decimal(0))


def due_days(before: datetime, least: int = WORTH) -> list[Due]:
    """What is over before this midnight and not summed as it is now. Days with less than `least` events never are."""
    by_value = [name for name, rule in RULES.items() if rule.by_value]
    with connection.cursor() as cursor:
        cursor.execute(DUE, [before, least, by_value])
        return [Due(*row) for row in cursor]


def sum_days(asked: Asked, days: Sequence[datetime]) -> None:
    """Sum these days inside the window asked about. The hours and the events are those of one snapshot."""
    grouped, values = statement(asked, "bucket")
    values |= {"feature_id": asked.feature.pk, "dimension": asked.dimension, "days": list(days)}
    with connection.cursor() as cursor:
        cursor.execute(SUM_DAYS.format(touches=TOUCHES, grouped=grouped), values)


def different_days() -> Iterator[Different]:
    """Days that claim to be as their hours are, and are not: the key, then the quantity of the day and of the hours."""
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENT_DAYS)
        yield from cursor
