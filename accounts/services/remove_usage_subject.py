from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.exceptions import SubjectKeptError
from accounts.models import UsageSubject, User
from accounts.services.lock_customers import lock_customers


@transaction.atomic
def remove_usage_subject(
    *, customer_id: int, subject_id: int, at: datetime, actor: User | None, reason: str = ""
) -> None:
    """Stop attributing events of a subject: new ones are refused as unknown. What was attributed stays the customer's.

    Removed already: nothing is written. Raises SubjectKeptError for the customer's own key.
    """
    customer = lock_customers([customer_id])[customer_id]
    row = UsageSubject.objects.filter(customer=customer, pk=subject_id).first()
    if row is None:
        return
    if row.subject == customer.key:
        raise SubjectKeptError(f"usage_subject:{row.pk}")
    row.delete()
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="remove_usage_subject",
        subject=f"usage_subject:{subject_id}",
        before={"subject": row.subject, "kind": row.kind},
        reason=reason,
    )
