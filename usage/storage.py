"""The SQL that stores: events, and what they bring to the roll-ups. Called by this room's verbs and selectors only.

Parallel batches never deadlock: each writes its events in the order of their identity and then its hours in the
order of theirs, so nobody waits for somebody who waits for them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter, itemgetter

from django.db import connection, transaction
from psycopg.errors import UniqueViolation

from usage.acceptance import Accepted
from usage.aggregation import Partial
from usage.corrections import Known, Name
from usage.measuring import HourKey, array

Identity = tuple[int, str, str]

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
INSERT INTO usage_usagehour AS known (customer_id, feature_id, hour, quantity, events, latest_at, touched_at)
SELECT customer_id, feature_id, hour, quantity, events, latest_at, %s
FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::numeric[], %s::int[], %s::timestamptz[])
    AS added (customer_id, feature_id, hour, quantity, events, latest_at)
ON CONFLICT (customer_id, feature_id, hour) DO UPDATE SET
    quantity = {chosen},
    latest_at = greatest(known.latest_at, excluded.latest_at),
    events = known.events + excluded.events,
    touched_at = greatest(known.touched_at, excluded.touched_at),
    touches = known.touches + 1
"""

SUM = "known.quantity + excluded.quantity"
CHOSEN = {
    "min": "CASE WHEN known.events = 0 THEN excluded.quantity ELSE least(known.quantity, excluded.quantity) END",
    "max": "CASE WHEN known.events = 0 THEN excluded.quantity ELSE greatest(known.quantity, excluded.quantity) END",
    "latest": """CASE WHEN known.events = 0
        OR (excluded.latest_at, excluded.quantity) > (known.latest_at, known.quantity)
        THEN excluded.quantity ELSE known.quantity END""",
}

EVENTS_AROUND = """
WITH named AS (
    SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS named (customer_id, source, event_id)
), own AS (
    SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS own (customer_id, source, event_id)
), around AS (
    SELECT event.id FROM named JOIN usage_usageevent AS event USING (customer_id, source, event_id)
    UNION
    SELECT event.id FROM own JOIN usage_usageevent AS event USING (customer_id, source, event_id)
    UNION
    SELECT event.id FROM named JOIN usage_usageevent AS event ON event.customer_id = named.customer_id
        AND event.source = named.source AND event.corrects = named.event_id AND event.corrects <> ''
)
SELECT customer_id, source, event_id, corrects, type, "time", data::text
FROM usage_usageevent JOIN around USING (id) ORDER BY id
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


def add_to_hours(partials: Mapping[str, Mapping[HourKey, Partial]], *, at: datetime) -> None:
    """Merge into the roll-ups what new events bring, by aggregation. One statement for each way of merging."""
    chosen: dict[str, dict[HourKey, Partial]] = {}
    for aggregation in sorted(partials):
        chosen.setdefault(CHOSEN.get(aggregation, SUM), {}).update(partials[aggregation])
    for expression in sorted(chosen):
        rows = sorted(chosen[expression].items(), key=itemgetter(0))
        columns = [
            array(str(customer_id) for (customer_id, _feature, _hour), _partial in rows),
            array(str(feature_id) for (_customer, feature_id, _hour), _partial in rows),
            array(_iso(hour) for (_customer, _feature, hour), _partial in rows),
            array(str(partial.quantity) for _key, partial in rows),
            array(str(partial.events) for _key, partial in rows),
            array(_iso(partial.latest_at) if partial.latest_at else "NULL" for _key, partial in rows),
        ]
        with connection.cursor() as cursor:
            cursor.execute(ADD_TO_HOURS.format(chosen=expression), [at, *columns])


def events_around(names: Iterable[Name], corrections: Iterable[Name]) -> list[Known]:
    """The stored events of these names, those that correct one of them, and those that are named as `corrections`."""
    named = [list(column) for column in zip(*names, strict=True)]
    own = [list(column) for column in zip(*corrections, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(EVENTS_AROUND, [*named, *own])
        return [
            Known((customer_id, source, event_id), corrects, event_type, time, json.loads(data, parse_float=Decimal))
            for customer_id, source, event_id, corrects, event_type, time, data in cursor
        ]


FRESHNESS = """
SELECT max(touched_at), (
    SELECT max(pause) FROM (
        SELECT hour - lag(hour) OVER (ORDER BY hour) AS pause FROM (
            SELECT DISTINCT hour FROM usage_usagehour
            WHERE customer_id = %(customer_id)s AND events > 0 AND hour >= %(since)s AND hour < %(until)s
        ) AS used
    ) AS pauses
)
FROM usage_usagehour WHERE customer_id = %(customer_id)s
"""


def freshness(customer_id: int, since: datetime, until: datetime) -> tuple[datetime | None, timedelta | None]:
    """The newest touch of the customer's hours, which are few, instead of their events, which are many; and the longest
    time from one used hour to the next."""
    with connection.cursor() as cursor:
        cursor.execute(FRESHNESS, {"customer_id": customer_id, "since": since, "until": until})
        received_at, pause = cursor.fetchone()
        return received_at, pause
