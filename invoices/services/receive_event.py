from datetime import datetime

from django.db import transaction

from accounts.gateways.base import ProcessorEvent
from invoices.events import about, without_secrets
from invoices.models import EventStatus, GatewayEvent


@transaction.atomic
def receive_event(*, gateway: str, event: ProcessorEvent, at: datetime) -> GatewayEvent:
    """Keep a verified event, to be handled afterwards; a repeat gives the row that is there.

    One of a type that nothing follows from is kept as ignored.
    """
    is_known = about(event.type) is not None
    row, _is_new = GatewayEvent.objects.get_or_create(
        gateway=gateway,
        event_id=event.event_id,
        defaults={
            "type": event.type[:80],
            "created_at": event.created_at,
            "received_at": at,
            "object_id": event.object_id[:120],
            "intent_id": event.intent_id[:120],
            "key": event.key[:120],
            "payload": without_secrets(event.data),
            "status": EventStatus.WAITING if is_known else EventStatus.IGNORED,
            "retry_at": at if is_known else None,
            "handled_at": None if is_known else at,
            "effect": "" if is_known else "Nothing follows from events of this type.",
        },
    )
    return row
