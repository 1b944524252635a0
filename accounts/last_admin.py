"""Whether a customer keeps somebody who can change things for it."""

from accounts.exceptions import LastBillingAdminError
from accounts.models import Membership, Role


def is_last_admin(membership: Membership) -> bool:
    """Whether nobody else of the customer, active, is billing admin."""
    if membership.role != Role.BILLING_ADMIN:
        return False
    admins = Membership.objects.filter(customer=membership.customer_id, role=Role.BILLING_ADMIN, user__is_active=True)
    return not admins.exclude(pk=membership.pk).exists()


def check_admin_is_left(membership: Membership, *, leaves_no_admin: bool) -> None:
    """`leaves_no_admin`: it was said that nobody is left. Raises LastBillingAdminError where it was not."""
    if not leaves_no_admin and is_last_admin(membership):
        raise LastBillingAdminError(f"membership:{membership.pk}")
