from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.last_admin import check_admin_is_left
from accounts.models import Membership, User
from accounts.services.lock_customers import lock_customers


@transaction.atomic
def remove_member(
    *,
    customer_id: int,
    membership_id: int,
    at: datetime,
    actor: User | None,
    reason: str = "",
    leaves_no_admin: bool = False,
) -> None:
    """End a person's membership: their next page of this customer is not found. Their account stays.

    Removed already: nothing is written. Raises LastBillingAdminError unless `leaves_no_admin` says it is known.
    """
    lock_customers([customer_id])
    rows = Membership.objects.select_related("user")
    membership = rows.filter(customer_id=customer_id, pk=membership_id).first()
    if membership is None:
        return
    check_admin_is_left(membership, leaves_no_admin=leaves_no_admin)
    membership.delete()
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="remove_member",
        subject=f"membership:{membership_id}",
        before={"email": membership.user.email, "role": membership.role},
        reason=reason,
    )
