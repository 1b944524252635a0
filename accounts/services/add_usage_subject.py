from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.exceptions import CustomerInvalidError, SubjectTakenError
from accounts.models import SubjectKind, UsageSubject, User
from accounts.services.lock_customers import lock_customers


@transaction.atomic
def add_usage_subject(
    *, customer_id: int, subject: str, kind: str, at: datetime, actor: User | None, reason: str = ""
) -> UsageSubject:
    """Attribute events of `subject` that arrive from now on to the customer; those refused before stay refused.

    Mapped to this customer already: nothing is written. Raises SubjectTakenError, and CustomerInvalidError for a
    value or kind that cannot be.
    """
    customer = lock_customers([customer_id])[customer_id]
    subject = _checked(subject, kind)
    defaults = {"customer": customer, "kind": kind}
    row, is_new = UsageSubject.objects.select_related("customer").get_or_create(subject=subject, defaults=defaults)
    if row.customer_id != customer_id:
        message = gettext("“%(subject)s” belongs to %(customer)s already. Usage belongs to one customer.") % {
            "subject": subject,
            "customer": row.customer,
        }
        raise SubjectTakenError(f"subject {subject} of customer {row.customer_id}", message=message)
    if is_new:
        record(
            at=at,
            actor=actor,
            customer_id=customer_id,
            action="add_usage_subject",
            subject=f"usage_subject:{row.pk}",
            after={"subject": subject, "kind": kind},
            reason=reason,
        )
    return row


def _checked(subject: str, kind: str) -> str:
    subject = subject.strip()
    longest = UsageSubject._meta.get_field("subject").max_length or 0
    if not 0 < len(subject) <= longest:
        raise CustomerInvalidError(
            f"{len(subject)} characters",
            message=gettext("Value: use 1 to %(longest)s characters.") % {"longest": longest},
        )
    if kind not in SubjectKind.values:
        raise CustomerInvalidError(f"kind {kind}", message=gettext("Map to: choose Consumer, Application or Subject."))
    return subject
