from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.emails import invitation
from accounts.exceptions import AlreadyMemberError, UnknownRoleError
from accounts.models import Membership, Role, User
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices


@transaction.atomic
def invite_member(
    *, customer_id: int, email: str, role: str, at: datetime, actor: User | None, reason: str = ""
) -> Membership:
    """Make a person a member in a role and tell them. A new person gets no password: they set it by the reset page.

    Raises UnknownRoleError and AlreadyMemberError.
    """
    customer = lock_customers([customer_id])[customer_id]
    if role not in Role.values:
        raise UnknownRoleError(role)
    user, is_new = _person(email)
    membership, is_first = Membership.objects.get_or_create(user=user, customer=customer, defaults={"role": role})
    if not is_first:
        raise AlreadyMemberError(f"{user.pk} belongs to customer {customer_id} as {membership.role}")
    queue_notices([invitation(membership, is_new=is_new, at=at, actor=actor)], at=at)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="invite_member",
        subject=f"membership:{membership.pk}",
        after={"email": user.email, "role": role},
        reason=reason,
    )
    return membership


def _person(email: str) -> tuple[User, bool]:
    """The user of that address, made without a usable password where there is none."""
    known = User.objects.filter(email=email.lower()).first()
    return (known, False) if known else (User.objects.create_user(email, None), True)
