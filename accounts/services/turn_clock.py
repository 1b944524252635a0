from datetime import datetime

from django.db import transaction

from accounts.models import ClockMove, Customer
from accounts.services.lock_customers import lock_customers


@transaction.atomic
def turn_clock(*, move_id: int, to: datetime) -> Customer:
    """Let the clock show the next instant of a move. Where it shows that or more already, nothing is written.

    The move's own entry of the audit trail says who wanted it and how far; how many stops there were is on the move.
    """
    customer_id = ClockMove.objects.values_list("customer_id", flat=True).get(pk=move_id)
    customer = lock_customers([customer_id])[customer_id]
    move = ClockMove.objects.get(pk=move_id)
    to = min(to, move.until)
    if move.ended_at is not None or customer.clock_at is None or to <= customer.clock_at:
        return customer
    customer.clock_at = to
    customer.save(update_fields=["clock_at"])
    move.stops += 1
    move.save(update_fields=["stops"])
    return customer
