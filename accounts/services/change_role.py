from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.exceptions import NotMemberError, UnknownRoleError
from accounts.last_admin import check_admin_is_left
from accounts.models import Membership, Role, User
from accounts.services.lock_customers import lock_customers


@transaction.atomic
def change_role(
    *,
    customer_id: int,
    membership_id: int,
    role: str,
    at: datetime,
    actor: User | None,
    reason: str = "",
    leaves_no_admin: bool = False,
) -> Membership:
    """Give a member another role, effective with their next page. Their role already: nothing is written.

    Raises UnknownRoleError, NotMemberError, and LastBillingAdminError unless `leaves_no_admin` says it is known.
    """
    lock_customers([customer_id])
    if role not in Role.values:
        raise UnknownRoleError(role)
    rows = Membership.objects.select_related("user")
    membership = rows.filter(customer_id=customer_id, pk=membership_id).first()
    if membership is None:
        raise NotMemberError(f"membership:{membership_id}")
    before = membership.role
    if before == role:
        return membership
    check_admin_is_left(membership, leaves_no_admin=leaves_no_admin)
    membership.role = role
    membership.save(update_fields=["role"])
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="change_role",
        subject=f"membership:{membership.pk}",
        before={"email": membership.user.email, "role": before},
        after={"email": membership.user.email, "role": role},
        reason=reason,
    )
    return membership
