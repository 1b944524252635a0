from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.emails import invitation
from accounts.exceptions import NotMemberError
from accounts.models import Membership, Notice, User
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices


@transaction.atomic
def resend_invitation(
    *, customer_id: int, membership_id: int, key: str, at: datetime, actor: User | None, reason: str = ""
) -> Membership:
    """Queue the invitation of a member again, once per `key`. Who never set a password is led to the reset page.

    Raises NotMemberError.
    """
    lock_customers([customer_id])
    rows = Membership.objects.select_related("user", "customer")
    membership = rows.filter(customer_id=customer_id, pk=membership_id).first()
    if membership is None:
        raise NotMemberError(f"membership:{membership_id}")
    is_new = not membership.user.has_usable_password()
    draft = invitation(membership, is_new=is_new, at=at, actor=actor, again=key)
    if Notice.objects.filter(key=draft.key).exists():
        return membership
    queue_notices([draft], at=at)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="resend_invitation",
        subject=f"membership:{membership.pk}",
        after={"email": membership.user.email, "role": membership.role},
        reason=reason,
    )
    return membership
