"""The SQL of metering: sets of rows in, sets of rows out. Called by this room's verbs and selectors only.

Parallel batches never deadlock: each writes its events in the order of their identity and then its hours in the
order of theirs, so nobody waits for somebody who waits for them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from django.db import connection

from usage.acceptance import Accepted
from usage.aggregation import Partial

Identity = tuple[int, str, str]
HourKey = tuple[int, int, datetime]
Brought = dict[HourKey, list[Decimal]]

CATALOGUE_LOCK = 0x75736167  # "usag": meters and features do not change while a batch is judged by them

INSERT_EVENTS = """
INSERT INTO usage_usageevent (customer_id, source, event_id, type, subject, "time", data, corrects, received_at)
SELECT customer_id, source, event_id, type, subject, "time", data::jsonb, corrects, %s
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[])
    AS event (customer_id, source, event_id, type, subject, "time", data, corrects)
ON CONFLICT (customer_id, source, event_id) DO NOTHING
RETURNING customer_id, source, event_id
"""

ADD_TO_HOURS = """
INSERT INTO usage_usagehour AS known (customer_id, feature_id, hour, quantity, events, touched_at)
SELECT customer_id, feature_id, hour, quantity, events, %s
FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::numeric[], %s::int[])
    AS added (customer_id, feature_id, hour, quantity, events)
ON CONFLICT (customer_id, feature_id, hour) DO UPDATE SET
    quantity = known.quantity + excluded.quantity,
    events = known.events + excluded.events,
    touched_at = greatest(known.touched_at, excluded.touched_at)
"""

FIND_EVENTS = """
SELECT named.customer_id, named.source, named.type, named.event_id
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS named (customer_id, source, type, event_id)
JOIN usage_usageevent AS event USING (customer_id, source, type, event_id)
WHERE event.corrects = ''
"""

REBUILD_HOURS = """
INSERT INTO usage_usagehour (customer_id, feature_id, hour, quantity, events, touched_at)
SELECT customer_id, %s, date_trunc('hour', "time", 'UTC'), sum(brings), count(*), %s
FROM (
    SELECT event.customer_id, event."time",
        usage_measure(event.data, event.corrects <> '', meter.aggregation, meter.value_path, meter.dimensions,
            feature.filters) AS brings
    FROM usage_feature AS feature
    JOIN usage_meter AS meter ON meter.id = feature.meter_id
    JOIN usage_usageevent AS event ON event.type = meter.event_type
    WHERE feature.id = %s
) AS measured
WHERE brings IS NOT NULL
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
"""


def hold_catalogue() -> None:
    """Until the transaction ends, nobody defines meters or features. Batches hold it together."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [CATALOGUE_LOCK])


def lock_catalogue() -> None:
    """Until the transaction ends, no batch is stored: the new feature's hours miss no event."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CATALOGUE_LOCK])


def insert_events(events: Iterable[Accepted], *, at: datetime) -> set[Identity]:
    """Store what is not stored yet; the identities of the events that are new."""
    rows = sorted(events, key=lambda event: event.identity)
    drafts = [row.draft for row in rows]
    columns: list[Sequence[object]] = [
        [row.customer_id for row in rows],
        [draft.source for draft in drafts],
        [draft.event_id for draft in drafts],
        [draft.type for draft in drafts],
        [draft.subject for draft in drafts],
        [row.time for row in rows],
        [row.text for row in rows],
        [draft.corrects for draft in drafts],
    ]
    with connection.cursor() as cursor:
        cursor.execute(INSERT_EVENTS, [at, *columns])
        return set(cursor.fetchall())


def add_to_hours(partials: Mapping[HourKey, Partial], *, at: datetime) -> None:
    """Add to the roll-ups what new events bring."""
    rows = sorted(partials.items(), key=lambda item: item[0])
    columns: list[Sequence[object]] = [
        [customer_id for (customer_id, _feature, _hour), _partial in rows],
        [feature_id for (_customer, feature_id, _hour), _partial in rows],
        [hour for (_customer, _feature, hour), _partial in rows],
        [partial.quantity for _key, partial in rows],
        [partial.events for _key, partial in rows],
    ]
    with connection.cursor() as cursor:
        cursor.execute(ADD_TO_HOURS, [at, *columns])


def known_events(names: Collection[tuple[int, str, str, str]]) -> set[tuple[int, str, str, str]]:
    """Those of the (customer, source, type, event id) that are stored and are no corrections themselves."""
    columns = [list(column) for column in zip(*names, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(FIND_EVENTS, columns)
        return set(cursor.fetchall())


def rebuild_hours(feature_id: int, *, at: datetime) -> int:
    """Make the hours of a feature that has none, from all events. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(REBUILD_HOURS, [feature_id, at, feature_id])
        return cursor.rowcount


SUM_SPANS = """
WITH asked_hours AS (
    SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
        AS asked (place, customer_id, feature_id, since, until)
), asked_edges AS (
    SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
        AS asked (place, customer_id, feature_id, since, until)
), parts AS (
    SELECT asked.place, used.quantity
    FROM asked_hours AS asked
    CROSS JOIN LATERAL (
        SELECT sum(known.quantity) AS quantity
        FROM usage_usagehour AS known
        WHERE known.customer_id = asked.customer_id AND known.feature_id = asked.feature_id
            AND known.hour >= asked.since AND known.hour < asked.until
    ) AS used
    UNION ALL
    SELECT asked.place, used.quantity
    FROM asked_edges AS asked
    JOIN usage_feature AS feature ON feature.id = asked.feature_id
    JOIN usage_meter AS meter ON meter.id = feature.meter_id
    CROSS JOIN LATERAL (
        SELECT sum(usage_measure(event.data, event.corrects <> '', meter.aggregation, meter.value_path,
            meter.dimensions, feature.filters)) AS quantity
        FROM usage_usageevent AS event
        WHERE event.customer_id = asked.customer_id AND event.type = meter.event_type
            AND event."time" >= asked.since AND event."time" < asked.until
    ) AS used
)
SELECT place, sum(quantity) FROM parts WHERE quantity IS NOT NULL GROUP BY place
"""


def sum_spans(hours: Sequence[Sequence[object]], edges: Sequence[Sequence[object]]) -> dict[int, Decimal]:
    """Place → quantity. Both arguments are columns: places, customers, features, starts, ends."""
    with connection.cursor() as cursor:
        cursor.execute(SUM_SPANS, [*hours, *edges])
        return dict(cursor.fetchall())


def latest_received_at(customer_id: int) -> datetime | None:
    """The newest touch of the customer's hours, which are few, instead of their events, which are many."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(touched_at) FROM usage_usagehour WHERE customer_id = %s", [customer_id])
        found: datetime | None = cursor.fetchone()[0]
        return found
