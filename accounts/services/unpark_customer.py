from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import Customer, User
from accounts.services.lock_customers import lock_customers


@transaction.atomic
def unpark_customer(*, customer_id: int, at: datetime, actor: User | None, reason: str = "") -> Customer:
    """Let the runs take the customer along again. Not parked: nothing is written."""
    customer = lock_customers([customer_id])[customer_id]
    if not customer.parked_at:
        return customer
    before = {"parked_at": customer.parked_at.isoformat(), "parked_reason": customer.parked_reason}
    customer.parked_at, customer.parked_reason = None, ""
    customer.save(update_fields=["parked_at", "parked_reason"])
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="unpark_customer",
        subject=f"customer:{customer_id}",
        before=before,
        reason=reason,
    )
    return customer
