"""A month of usage grouped by a dimension of its meter, against the same month ungrouped, which reads hours alone."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from django.db import connection

from accounts.models import Customer
from billing_portal.benchmarks.measure import Measurement, seconds
from core.periods import Window
from usage.exploring import breakdown, timeline
from usage.services.define_feature import define_feature
from usage.services.define_meter import define_meter
from usage.services.sum_days import sum_days

ROUNDS = 5
START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 31
MONTH = Window(START, START + timedelta(days=DAYS))
EVENTS = """
INSERT INTO usage_usageevent (customer_id, source, event_id, type, subject, "time", data, corrects, received_at)
SELECT %(customer_id)s, 'bench', 'group-' || n, 'bench.grouping', 'bench-grouping', at,
    jsonb_build_object('model', 'model-' || n %% 6, 'route', '/v1/' || n %% 5000, 'tokens', n %% 1000), '', at
FROM (
    SELECT n, %(start)s::timestamptz + n * (interval '1 day' * %(days)s / %(events)s) AS at
    FROM generate_series(0, %(events)s - 1) AS n
) AS made
"""


def measure_grouping(*, events: int) -> Iterator[Measurement]:
    """Windows per second by a dimension of few values and by one of thousands, first from the events, then from days
    that were summed."""
    customer = Customer.objects.create(name="Grouping", key="bench-grouping")
    meter = define_meter(
        key="bench-grouping", name="Tokens", event_type="bench.grouping", aggregation="sum", value_path="$.tokens",
        dimensions={"model": "$.model", "route": "$.route"}, at=START, actor=None,
    )  # fmt: skip
    values: dict[str, Any] = {"customer_id": customer.pk, "start": START, "days": DAYS, "events": events}
    with connection.cursor() as cursor:
        cursor.execute(EVENTS, values)
        cursor.execute("ANALYZE usage_usageevent")
    feature = define_feature(key="bench-grouping", name="Tokens", meter=meter, at=START, actor=None)
    floor = _median(lambda: timeline(customer.pk, feature, MONTH, "day"))
    for source in ("events", "days"):
        if source == "days":
            sum_days(at=MONTH.end, least=1)
        for dimension in ("model", "route"):
            took = _median(lambda dimension=dimension: breakdown(customer.pk, feature, MONTH, dimension))  # type: ignore[misc]
            yield Measurement(
                "grouping", "windows/s", 1 / took, 1 / floor, "ungrouped",
                f"{events:,} events by {dimension}, from {source}",
            )  # fmt: skip


def _median(work: Callable[[], object]) -> float:
    return median(seconds(work) for _ in range(ROUNDS))
