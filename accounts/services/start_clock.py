from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.clocks import check_sandbox
from accounts.models import Customer, User
from accounts.services.lock_customers import lock_customers


@transaction.atomic
def start_clock(*, customer_id: int, at: datetime, actor: User, reason: str = "") -> Customer:
    """From now on the customer's present is their own: it stands at `at` until somebody moves it.

    A customer who has a clock keeps it as it stands. Raises NotSandboxError.
    """
    customer = lock_customers([customer_id])[customer_id]
    if customer.clock_at is not None:
        return customer
    check_sandbox(customer)
    customer.clock_at = at
    customer.save(update_fields=["clock_at"])
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="start_clock",
        subject=f"customer:{customer_id}",
        after={"clock": at.isoformat()},
        reason=reason,
    )
    return customer
