from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import ClockMove
from accounts.services.lock_customers import lock_customers


@transaction.atomic
def end_move(*, move_id: int, at: datetime, stopped: str = "") -> ClockMove:
    """The clock is where it should be and everything due there is done; or, `stopped`, why it stands still before.

    `at` is real time. One that has ended stays as it is.
    """
    customer_id = ClockMove.objects.values_list("customer_id", flat=True).get(pk=move_id)
    customer = lock_customers([customer_id])[customer_id]
    move = ClockMove.objects.get(pk=move_id)
    if move.ended_at is not None:
        return move
    move.ended_at, move.stopped, move.busy_until = at, stopped, None
    move.save(update_fields=["ended_at", "stopped", "busy_until"])
    present = customer.present(at)
    record(
        at=present,
        actor=None,
        customer_id=customer_id,
        action="end_move",
        subject=f"customer:{customer_id}",
        after={"clock": present.isoformat(), "stops": move.stops},
        reason=stopped,
    )
    return move
