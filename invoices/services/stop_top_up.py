"""Automatic top-up is switched off: by the customer, by staff, or because a payment failed."""

from datetime import datetime
from typing import Literal

from django.db import transaction

from accounts.audit import record
from accounts.models import Customer, User
from accounts.selectors import recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from invoices.emails_selling import top_up_changed
from invoices.models import TopUpRule


@transaction.atomic
def stop_top_up(
    *,
    rule_id: int,
    because: Literal["customer", "staff", "failed"],
    at: datetime,
    actor: User | None = None,
    reason: str = "",
) -> TopUpRule:
    """Switch a rule off; what it has bought stays. One that is off stays as it is."""
    customer_id = TopUpRule.objects.values_list("customer_id", flat=True).get(pk=rule_id)
    customer: Customer = lock_customers([customer_id])[customer_id]
    rule = TopUpRule.objects.get(pk=rule_id)
    if not rule.is_on:
        return rule
    rule.is_on, rule.off_because, rule.changed_at = False, because, at
    rule.save(update_fields=["is_on", "off_because", "changed_at"])
    queue_notices([top_up_changed(rule, customer.name, None, recipients([customer_id])[customer_id])], at=at)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="stop_top_up",
        subject=f"top_up:{rule.public_id}",
        before={"is_on": True},
        after={"is_on": False, "because": because, "currency": rule.currency},
        reason=reason,
    )
    return rule
