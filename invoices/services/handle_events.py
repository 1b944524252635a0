"""Events that wait are handled: what they speak of is retrieved from the processor, and that recorded."""

from datetime import datetime, timedelta

from django.db import transaction

from invoices.handling import handle
from invoices.models import EventStatus, GatewayEvent

LEASE = timedelta(minutes=1)  # a worker that dies in the middle leaves its events to the next


def handle_events(*, at: datetime, limit: int = 100) -> int:
    """How many of the events that are due came to their end. Runs outside any transaction.

    In any order and any number of times: an event only says where to look. Its effect and its end are one transaction;
    one that can't be handled is tried again after 1 min, 5 min, 1 h, 6 h, then daily, and *failed* after three days.
    """
    return sum(handle(event, at) for event in _claim(at, limit))


@transaction.atomic
def _claim(at: datetime, limit: int) -> list[GatewayEvent]:
    """Take what is due and move it ahead, so that no other worker takes it at the same time."""
    waiting = GatewayEvent.objects.filter(status=EventStatus.WAITING, retry_at__lte=at).order_by("retry_at", "pk")
    events = list(waiting.select_for_update(skip_locked=True, no_key=True)[:limit])
    for event in events:
        event.tries += 1
        event.retry_at = at + LEASE
        event.save(update_fields=["tries", "retry_at"])
    return events
