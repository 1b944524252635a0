"""The events behind a quantity, one by one: what an export needs to add up to a line. Reads only."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import BooleanField, DecimalField, ExpressionWrapper, Func, JSONField, Q, QuerySet, Value

from core.periods import Window
from usage.models import Feature, Meter, UsageEvent

CHUNK = 2000


class Contribution(NamedTuple):
    """One event and what it brings to the feature; a correction brings less than nothing."""

    time: datetime
    event_id: str
    source: str
    subject: str
    type: str
    corrects: str
    received_at: datetime
    quantity: Decimal


def contributions(
    customer_id: int, feature: Feature, window: Window, *, received_until: datetime | None = None
) -> Iterator[Contribution]:
    """The events that count for `feature` (with its meter) in the window, oldest first, never all in memory.

    `received_until` leaves out what has reached us after that instant. A feature without a meter has none.
    """
    if feature.meter is None:
        return iter(())
    events = _measured(feature.meter, feature).filter(
        customer_id=customer_id, time__gte=window.start, time__lt=window.end
    )
    if received_until is not None:
        events = events.filter(received_at__lte=received_until)
    rows = events.order_by("time", "pk").values_list(*Contribution._fields)
    return map(Contribution._make, rows.iterator(chunk_size=CHUNK))


def first_and_last(
    customer_id: int, feature: Feature, window: Window, *, received_until: datetime | None = None
) -> tuple[datetime, datetime] | None:
    """When the first and the last event happened that count for `feature` (with its meter) in the window; None where
    there is none. Corrections say nothing about when something was used. One query, which reads no further than that.
    """
    if feature.meter is None:
        return None
    events = _measured(feature.meter, feature).filter(
        customer_id=customer_id, time__gte=window.start, time__lt=window.end, corrects=""
    )
    if received_until is not None:
        events = events.filter(received_at__lte=received_until)
    first, last = (events.order_by(order).values_list("time", flat=True)[:1] for order in ("time", "-time"))
    found = sorted(first.union(last, all=True))
    return (found[0], found[-1]) if found else None


def _measured(meter: Meter, feature: Feature) -> QuerySet[UsageEvent]:
    """Events with what they bring, by the database's own rule, which is the rule of the roll-ups."""
    corrects = ExpressionWrapper(~Q(corrects=""), output_field=BooleanField())
    quantity = Func(
        "data",
        corrects,
        Value(meter.aggregation),
        Value(meter.value_path),
        Value(meter.dimensions, JSONField()),
        Value(feature.filters, JSONField()),
        function="usage_measure",
        output_field=DecimalField(max_digits=38, decimal_places=12),
    )
    events = UsageEvent.objects.filter(type=meter.event_type).annotate(quantity=quantity)
    return events.filter(quantity__isnull=False)
