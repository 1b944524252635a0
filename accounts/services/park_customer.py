from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import Customer
from accounts.services.lock_customers import lock_customers


@transaction.atomic
def park_customer(*, customer_id: int, reason: str, at: datetime) -> Customer:
    """Take a customer out of the runs until somebody has looked. Parked already: the first reason stays."""
    customer = lock_customers([customer_id])[customer_id]
    if customer.parked_at:
        return customer
    customer.parked_at, customer.parked_reason = at, reason
    customer.save(update_fields=["parked_at", "parked_reason"])
    record(
        at=at,
        actor=None,
        customer_id=customer_id,
        action="park_customer",
        subject=f"customer:{customer_id}",
        reason=reason,
    )
    return customer
