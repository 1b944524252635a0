from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.exceptions import ClockAheadError, ClockMovesError
from accounts.models import ClockMove, Customer, User
from accounts.services.lock_customers import lock_customers
from core import formats


@transaction.atomic
def end_clock(*, customer_id: int, at: datetime, actor: User, reason: str = "") -> Customer:
    """The customer lives in real time again; the next run catches up from where the clock stood.

    Not while the clock is ahead of `at`, real time: their present would jump back behind documents that are issued,
    and their next months would be billed before they begin. No clock: nothing is written. Raises ClockAheadError and
    ClockMovesError.
    """
    customer = lock_customers([customer_id])[customer_id]
    if customer.clock_at is None:
        return customer
    if ClockMove.objects.open().filter(customer=customer).exists():
        words = gettext("The test clock is being moved. Wait until it is there.")
        raise ClockMovesError(f"customer {customer_id}", message=words)
    if customer.clock_at > at:
        words = gettext(
            "The test clock is ahead of real time. It can end from %(time)s on: before, what it has billed would lie "
            "in the future."
        )
        values = {"time": formats.instant(customer.clock_at)}
        raise ClockAheadError(f"{customer.clock_at} > {at}", message=words % values)
    before, customer.clock_at = customer.clock_at, None
    customer.save(update_fields=["clock_at"])
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="end_clock",
        subject=f"customer:{customer_id}",
        before={"clock": before.isoformat()},
        reason=reason,
    )
    return customer
