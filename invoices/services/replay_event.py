from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from invoices.models import EventStatus, GatewayEvent


@transaction.atomic
def replay_event(*, event_id: int, reason: str, at: datetime, actor: User) -> GatewayEvent:
    """Let an event be handled once more, from its first try on. One that waits already is only brought forward.

    Nothing can happen twice by it: what it speaks of is retrieved, and recorded where that is news.
    """
    event = GatewayEvent.objects.select_for_update(no_key=True).get(pk=event_id)
    before = event.status
    if before == EventStatus.WAITING and event.retry_at is not None and event.retry_at <= at:
        return event
    event.status, event.tries = EventStatus.WAITING, 0
    event.retry_at, event.handled_at = at, None
    event.save(update_fields=["status", "tries", "retry_at", "handled_at"])
    record(
        at=at,
        actor=actor,
        customer_id=None,
        action="replay_event",
        subject=f"gateway_event:{event.pk}",
        before={"status": before, "effect": event.effect},
        after={"status": event.status, "event": event.event_id},
        reason=reason,
    )
    return event
