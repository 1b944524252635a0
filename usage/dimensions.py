"""The SQL that breaks usage down by a dimension of its meter. Called inside this room only.

Hours know no dimensions, so this reads the events of the window. What an event brings is the rule of
`usage_measure()`, written out for the one meter that is asked about, which is thirty times as fast over very many
events; tests hold the two together. What is left of an event after its corrections is the rule of `measuring.GAUGED`.
Days that are over are summed once, by the same statement: `usage/summed_days.py`.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from core.periods import Window
from usage.aggregation import DECIMALS, MAX_VALUE, RULES, Partial
from usage.measuring import WHOLE_EVENT
from usage.models import Feature, Meter
from usage.paths import keys

CHUNK = 2_000

FOUND = """
    SELECT event.source, event.event_id, event.corrects, event."time", {value} AS value,
        date_trunc(%(step)s, event."time", 'UTC') AS bucket, {member} AS member, {brings} AS quantity
    FROM {events} AS event
    WHERE event.customer_id = %(customer_id)s AND event.type = %(type)s
        AND event."time" >= %(start)s AND event."time" < %(end)s {filters}
"""
SCALAR = "CASE WHEN jsonb_typeof({path}) IN ('string', 'number', 'boolean') THEN {path} #>> '{{}}' END"
NUMBER = """
    CASE WHEN jsonb_typeof({path}) = 'number' AND abs(({path})::numeric) < %(max_value)s
        THEN round(({path})::numeric, %(decimals)s) END
"""
ONE = "CASE WHEN event.corrects = '' THEN 1 ELSE -1 END"
ADDED = """
    SELECT {bucket} AS bucket, member, sum(quantity) AS quantity, 1 AS events, NULL::timestamptz AS latest_at
    FROM ({found}) AS found WHERE quantity IS NOT NULL GROUP BY 1, 2 HAVING sum(quantity) <> 0
"""
COUNTED = """
    SELECT bucket, member, count(*) AS quantity, 1 AS events, NULL::timestamptz AS latest_at
    FROM (
        -- Different values by hashing, by several processes at once: counting them in order sorts every event
        SELECT DISTINCT {bucket} AS bucket, member, value FROM ({found}) AS found
        WHERE value IS NOT NULL AND corrects = '' AND NOT EXISTS (
            SELECT FROM usage_usageevent AS back
            WHERE back.customer_id = %(customer_id)s AND back.source = found.source AND back.corrects = found.event_id
                AND back.corrects <> ''
        )
    ) AS different
    GROUP BY 1, 2
"""
READ = """
    SELECT {bucket} AS bucket, member, {chosen} AS quantity, count(*) AS events, max(latest_at) AS latest_at
    FROM (
        SELECT min(bucket) AS bucket, (array_agg(member ORDER BY corrects))[1] AS member, sum(quantity) AS quantity,
            max("time") AS latest_at
        FROM ({found}) AS event WHERE quantity IS NOT NULL GROUP BY source, {whole}
        HAVING bool_and(corrects = '') OR sum(quantity) <> 0
    ) AS used
    GROUP BY 1, 2
"""
CHOSEN = {
    "min": "min(quantity)",
    "max": "max(quantity)",
    "avg": "sum(quantity)",
    "latest": "(array_agg(quantity ORDER BY latest_at DESC, quantity DESC))[1]",
}
EVERY = """
    SELECT bucket, member, quantity, events FROM ({grouped}) AS grouped ORDER BY bucket, quantity / events DESC, member
"""


class Asked(NamedTuple):
    """One break-down: of which usage, by which of its meter's dimensions. `step` is `hour` or `day`, in UTC."""

    customer_id: int
    feature: Feature
    window: Window
    dimension: str
    step: str


def every(asked: Asked) -> Iterator[tuple[datetime, str | None, Partial]]:
    """All members, step by step, never all in memory."""
    with connection.chunked_cursor() as cursor:
        grouped, values = statement(asked, "bucket")
        cursor.execute(EVERY.format(grouped=grouped), values)
        while rows := cursor.fetchmany(CHUNK):
            for bucket, member, quantity, events in rows:
                yield bucket, member, Partial(quantity, events)


def statement(asked: Asked, bucket: str, events: str = "usage_usageevent") -> tuple[str, dict[str, Any]]:
    """What sums up the events by member, and by step where `bucket` is one, with its parameters. `events`: the table,
    or a query in brackets."""
    meter, feature = _meter(asked.feature), asked.feature
    rule, values = RULES[meter.aggregation], _parameters(asked, meter)
    value = _at(meter.value_path, "value", values) if rule.needs_value else "NULL"
    filters = "".join(
        f" AND {SCALAR.format(path=_at(meter.dimensions[name], f'filter{place}_', values))} = ANY(%(allowed{place})s)"
        for place, name in enumerate(feature.filters)
    )
    values |= {f"allowed{place}": list(allowed) for place, allowed in enumerate(feature.filters.values())}
    found = FOUND.format(
        value=SCALAR.format(path=value) if rule.by_value else "NULL",
        member=SCALAR.format(path=_at(meter.dimensions[asked.dimension], "member", values)),
        brings=ONE if rule.counts else NUMBER.format(path=value),
        filters=filters,
        events=events,
    )
    grouped = COUNTED if rule.by_value else ADDED if rule.additive else READ
    chosen = CHOSEN.get(meter.aggregation, "")
    return grouped.format(bucket=bucket, found=found, whole=WHOLE_EVENT.replace("event.", ""), chosen=chosen), values


def _at(path: str, prefix: str, values: dict[str, Any]) -> str:
    """A path into the data, key by key; the keys are parameters."""
    names = keys(path)
    values |= {f"{prefix}{place}": name for place, name in enumerate(names)}
    return "(event.data" + "".join(f" -> %({prefix}{place})s" for place in range(len(names))) + ")"


def _parameters(asked: Asked, meter: Meter) -> dict[str, Any]:
    return {
        "customer_id": asked.customer_id,
        "type": meter.event_type,
        "start": asked.window.start,
        "end": asked.window.end,
        "step": asked.step,
        "max_value": MAX_VALUE,
        "decimals": DECIMALS,
    }


def _meter(feature: Feature) -> Meter:
    if feature.meter is None:
        raise ValueError(f"{feature.key} has no meter")
    return feature.meter
