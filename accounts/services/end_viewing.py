from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import AuditEntry, User
from accounts.services.lock_customers import lock_customers

ACTION = "end_viewing"


@transaction.atomic
def end_viewing(*, customer_id: int, key: str, how: str, at: datetime, actor: User | None, reason: str) -> None:
    """Write down that it is over and `how` it ended; `reason` is that of its begin. Once per `key`."""
    lock_customers([customer_id])
    subject = f"viewing:{key}"
    if AuditEntry.objects.filter(customer_id=customer_id, action=ACTION, subject=subject).exists():
        return
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action=ACTION,
        subject=subject,
        after={"how": how},
        reason=reason,
    )
