"""Ingestion of usage events in batches against a bare COPY of the same rows into a copy of the table."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection

from accounts.models import Customer, UsageSubject
from billing_portal.benchmarks.measure import Measurement, seconds
from usage.services.ingest_events import ingest_events

BATCH = 1_000
START = datetime(2026, 3, 1, tzinfo=UTC)
FLOOR_TABLE = "CREATE TABLE floor_event (LIKE usage_usageevent INCLUDING ALL)"
FLOOR_COPY = (
    "COPY floor_event (customer_id, source, event_id, type, subject, time, data, corrects, received_at) FROM STDIN"
)


def measure_ingestion(*, batches: int) -> Measurement:
    """Events per second through `ingest_events`, roll-ups included, one process."""
    customer = Customer.objects.create(name="Ingestion", key="bench-ingestion")
    UsageSubject.objects.create(customer=customer, subject="bench-ingestion")
    work = [list(events(number)) for number in range(batches)]
    with connection.cursor() as cursor:
        cursor.execute(FLOOR_TABLE)
    floor = sum(seconds(partial(copy, customer.pk, batch)) for batch in work)
    took = sum(seconds(partial(ingest, batch)) for batch in work)
    return Measurement(
        "ingestion", "events/s", batches * BATCH / took, batches * BATCH / floor, f"bare COPY, batches of {BATCH:,}"
    )


def events(number: int) -> Iterator[dict[str, Any]]:
    for index in range(BATCH):
        place = number * BATCH + index
        yield {
            "specversion": "1.0",
            "id": f"bench-{place}",
            "source": "bench",
            "type": "bench.requests",
            "subject": "bench-ingestion",
            "time": (START + timedelta(seconds=place)).isoformat(),
            "data": {"route": "/v1/chat", "status": 200},
        }


def ingest(batch: list[dict[str, Any]]) -> None:
    result = ingest_events(events=batch, token_customer_id=None, at=START + timedelta(days=365))
    if result.accepted != len(batch):
        raise RuntimeError(f"only {result.accepted} of {len(batch)} events were accepted")


def copy(customer_id: int, batch: list[dict[str, Any]]) -> None:
    with connection.cursor() as cursor, cursor.copy(FLOOR_COPY) as target:
        for event in batch:
            row = (customer_id, event["source"], event["id"], event["type"], event["subject"], event["time"])
            target.write_row((*row, json.dumps(event["data"]), "", event["time"]))
