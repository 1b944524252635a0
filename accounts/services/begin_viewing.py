from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import AuditEntry, User
from accounts.services.lock_customers import lock_customers

ACTION = "begin_viewing"


@transaction.atomic
def begin_viewing(*, customer_id: int, key: str, until: datetime, at: datetime, actor: User, reason: str) -> None:
    """Write down that a member of staff looks at the customer's portal as a billing viewer, and why. Once per `key`."""
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
        after={"until": until.isoformat()},
        reason=reason,
    )
