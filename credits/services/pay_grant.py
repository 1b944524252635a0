from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from credits.funding import fund
from credits.models import CreditGrant


@transaction.atomic
def pay_grant(*, grant_id: int, at: datetime, actor: User | None, reference: str = "") -> CreditGrant:
    """Fund a grant that was waiting for its payment; one that is paid, or was given up, stays as it is.

    Its reference is also the reason in the audit trail. A payment that comes after the grant's expiry funds it, and the
    credit expires at that instant.
    """
    row = CreditGrant.objects.get(pk=grant_id)
    customers = lock_customers([row.customer_id])
    row.refresh_from_db()
    if row.paid_at is not None or row.settled_at is not None:
        return row
    fund(row, customers[row.customer_id], at)
    record(
        at=at,
        actor=actor,
        customer_id=row.customer_id,
        action="pay_grant",
        subject=f"grant:{row.public_id}",
        before={"paid_at": None},
        after={
            "paid_at": at.isoformat(),
            "amount": row.amount - row.taken_back,
            "currency": row.currency,
            "reference": reference,
        },
        reason=reference,
    )
    return row
