"""The SQL of metering: sets of rows in, sets of rows out. Called by this room's verbs and selectors only.

Parallel batches never deadlock: each writes its events in the order of their identity and then its hours in the
order of theirs, so nobody waits for somebody who waits for them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter

from django.db import connection, transaction
from psycopg.errors import UniqueViolation

from usage.acceptance import Accepted
from usage.aggregation import Partial

Identity = tuple[int, str, str]
Asked = tuple[int, int, int, datetime, datetime]  # place in the answer, customer, feature, from, until
HourKey = tuple[int, int, datetime]
Brought = dict[HourKey, list[Decimal]]

IDENTITY = attrgetter("identity")
_iso = datetime.isoformat
CATALOGUE_LOCK = 0x75736167  # "usag": meters and features do not change while a batch is judged by them

STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS usage_incoming (
    customer_id bigint, source text, event_id text, type text, subject text, "time" timestamptz, data jsonb,
    corrects text, received_at timestamptz
) ON COMMIT DELETE ROWS
"""

COPY_EVENTS = """
COPY {} (customer_id, source, event_id, type, subject, "time", data, corrects, received_at) FROM STDIN
"""

INSERT_EVENTS = """
INSERT INTO usage_usageevent (customer_id, source, event_id, type, subject, "time", data, corrects, received_at)
SELECT customer_id, source, event_id, type, subject, "time", data, corrects, received_at
FROM usage_incoming
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

MEASURED_HOURS = """
SELECT customer_id, feature_id, date_trunc('hour', "time", 'UTC') AS hour, sum(brings) AS quantity, count(*) AS events
FROM (
    SELECT event.customer_id, feature.id AS feature_id, event."time",
        usage_measure(event.data, event.corrects <> '', meter.aggregation, meter.value_path, meter.dimensions,
            feature.filters) AS brings
    FROM usage_feature AS feature
    JOIN usage_meter AS meter ON meter.id = feature.meter_id
    JOIN usage_usageevent AS event ON event.type = meter.event_type
    WHERE %(feature_id)s::bigint IS NULL OR feature.id = %(feature_id)s
) AS measured
WHERE brings IS NOT NULL
GROUP BY 1, 2, 3
"""

REBUILD_HOURS = f"""
INSERT INTO usage_usagehour (customer_id, feature_id, hour, quantity, events, touched_at)
SELECT customer_id, feature_id, hour, quantity, events, %(at)s FROM ({MEASURED_HOURS}) AS hours
ORDER BY 1, 2, 3
"""  # noqa: S608 - joined from constants

DIFFERENT_HOURS = f"""
SELECT customer_id, feature_id, hour, known.quantity, known.events, summed.quantity, summed.events
FROM usage_usagehour AS known
FULL JOIN ({MEASURED_HOURS}) AS summed USING (customer_id, feature_id, hour)
WHERE (known.quantity, known.events) IS DISTINCT FROM (summed.quantity, summed.events)
ORDER BY 1, 2, 3
"""  # noqa: S608 - joined from constants

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

TOUCHED_SPANS = """
SELECT asked.place
FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
    AS asked (place, customer_id, feature_id, since, until, rated_at)
WHERE EXISTS (
    SELECT FROM usage_usagehour AS known
    WHERE known.customer_id = asked.customer_id AND known.feature_id = asked.feature_id
        AND known.hour >= date_trunc('hour', asked.since, 'UTC') AND known.hour < asked.until
        AND known.touched_at >= asked.rated_at
)
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
    """Store what is not stored yet; the identities of the events that are new. Needs an open transaction.

    Repeats are rare: so a batch is copied straight into the table, and only where one of its events is there
    already it is copied beside and what is new inserted from there, which takes half as long again.
    """
    rows = sorted(events, key=IDENTITY)
    try:
        with transaction.atomic():
            _copy("usage_usageevent", rows, at)
    except UniqueViolation:
        return _insert_new(rows, at)
    return {row.identity for row in rows}


def _insert_new(rows: Sequence[Accepted], at: datetime) -> set[Identity]:
    with connection.cursor() as cursor:
        cursor.execute(STAGE)
        _copy("usage_incoming", rows, at)
        cursor.execute(INSERT_EVENTS)
        new: set[Identity] = set(cursor.fetchall())
        cursor.execute("TRUNCATE usage_incoming")
    return new


def _copy(table: str, rows: Iterable[Accepted], at: datetime) -> None:
    received = at.isoformat()
    with connection.cursor() as cursor, cursor.copy(COPY_EVENTS.format(table)) as copy:
        for row in rows:
            source, event_id, event_type, subject, _time, _data, corrects = row.draft
            copy.write_row(
                (row.identity[0], source, event_id, event_type, subject, row.time, row.text, corrects, received)
            )


def add_to_hours(partials: Mapping[HourKey, Partial], *, at: datetime) -> None:
    """Add to the roll-ups what new events bring."""
    rows = sorted(partials.items())
    columns = [
        _array(str(customer_id) for (customer_id, _feature, _hour), _partial in rows),
        _array(str(feature_id) for (_customer, feature_id, _hour), _partial in rows),
        _array(_iso(hour) for (_customer, _feature, hour), _partial in rows),
        _array(str(partial.quantity) for _key, partial in rows),
        _array(str(partial.events) for _key, partial in rows),
    ]
    with connection.cursor() as cursor:
        cursor.execute(ADD_TO_HOURS, [at, *columns])


def _array(texts: Iterable[str]) -> str:
    """An array literal of numbers or instants, which need no quotes; the driver's own takes ten times as long."""
    return "{" + ",".join(texts) + "}"


def known_events(names: Collection[tuple[int, str, str, str]]) -> set[tuple[int, str, str, str]]:
    """Those of the (customer, source, type, event id) that are stored and are no corrections themselves."""
    columns = [list(column) for column in zip(*names, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(FIND_EVENTS, columns)
        return set(cursor.fetchall())


def rebuild_hours(feature_id: int, *, at: datetime) -> int:
    """Make the hours of a feature that has none, from all events. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(REBUILD_HOURS, {"feature_id": feature_id, "at": at})
        return int(cursor.rowcount)


def different_hours() -> Iterator[tuple[int, int, datetime, Decimal | None, int | None, Decimal | None, int | None]]:
    """Hours that are not what their events sum to: the key, then quantity and events of the hour and of the sum."""
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENT_HOURS, {"feature_id": None})
        yield from cursor


def sum_spans(hours: Sequence[Asked], edges: Sequence[Asked]) -> dict[int, Decimal]:
    """Place → quantity, for the places where something was used."""
    with connection.cursor() as cursor:
        cursor.execute(SUM_SPANS, [*_columns(hours), *_columns(edges)])
        return dict(cursor.fetchall())


def touched_spans(rows: Sequence[tuple[int, int, int, datetime, datetime, datetime]]) -> set[int]:
    """Of (place, customer, feature, from, until, instant): the places where an hour was touched since the instant."""
    with connection.cursor() as cursor:
        cursor.execute(TOUCHED_SPANS, [*_columns([row[:5] for row in rows]), _array(_iso(row[5]) for row in rows)])
        return {place for (place,) in cursor}


def _columns(rows: Sequence[Asked]) -> list[str]:
    columns = list(zip(*rows, strict=True)) or [()] * 5
    return [_array(map(str, column)) for column in columns[:3]] + [_array(map(_iso, column)) for column in columns[3:]]


def latest_received_at(customer_id: int) -> datetime | None:
    """The newest touch of the customer's hours, which are few, instead of their events, which are many."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(touched_at) FROM usage_usagehour WHERE customer_id = %s", [customer_id])
        found: datetime | None = cursor.fetchone()[0]
        return found
