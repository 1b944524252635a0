"""What staff may do: five capabilities, and the four roles made of them.

A capability is one permission. A role is a group that holds some of them; `StaffRoleBackend` expands them to the tables
of the rooms, so that no list of permissions ages. Superusers have every capability.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, Permission
from django.db.models import Q, QuerySet

from accounts.access import describe
from accounts.exceptions import StaffRoleRequiredError
from accounts.models import User
from core.questions import built_once

READ = "accounts.read_billing"  # look at customers, documents, payments, ledgers, usage and the catalogue
EXPORT = "accounts.export_billing"  # take what one may look at away as a file
SUPPORT = "accounts.support_customers"  # send again, look as the customer does, work on contact requests; no money
CATALOG = "accounts.manage_catalog"  # meters, features, plans, publishing them
MANAGE = "accounts.manage_billing"  # whatever moves money, and customers themselves

METERING_AND_BILLING = "Metering & Billing Admin"
BILLING_SUPPORT = "Billing Support"
CATALOG_MANAGER = "Catalog Manager"
AUDITOR = "Auditor"

# In the order in which a refusal names them. Written to the groups by migration `0003_staff_roles`.
ROLES: Mapping[str, tuple[str, ...]] = {
    METERING_AND_BILLING: (READ, EXPORT, SUPPORT, CATALOG, MANAGE),
    BILLING_SUPPORT: (READ, SUPPORT),
    CATALOG_MANAGER: (CATALOG, EXPORT),
    AUDITOR: (READ, EXPORT),
}
CAPABILITIES = ROLES[METERING_AND_BILLING]
SHORT_NAMES = {"read": READ, "export": EXPORT, "support": SUPPORT, "catalog": CATALOG, "manage": MANAGE}

# What roles cover; who may log in, and with which rights, is decided by superusers.
ROOMS = ("plans", "invoices", "credits", "usage", "accounts", "billing_portal")
NOT_COVERED = ("accounts.add_user", "accounts.change_user", "accounts.delete_user")
CATALOG_TABLES = ("plans.plan", "plans.ratecard", "plans.pricetier", "usage.meter", "usage.feature")
SUPPORT_TABLES = ("plans.salesinquiry",)

Person = AbstractBaseUser | AnonymousUser


class StaffRoleBackend(BaseBackend):
    """Reads a permission on a table of the rooms off the person's capabilities."""

    def has_perm(self, user_obj: Person, perm: str, obj: Any = None) -> bool:
        room, _, name = perm.partition(".")
        if perm in CAPABILITIES or perm in NOT_COVERED or room not in ROOMS:
            return False  # given by the groups themselves, or not at all
        action, _, table = name.partition("_")
        wanted = {MANAGE} | ({READ} if action == "view" else set())
        wanted |= {CATALOG} if f"{room}.{table}" in CATALOG_TABLES else set()
        wanted |= {SUPPORT} if f"{room}.{table}" in SUPPORT_TABLES and action == "change" else set()
        return any(may(user_obj, capability) for capability in wanted)

    def has_module_perms(self, user_obj: Person, app_label: str) -> bool:
        return app_label in ROOMS and any(may(user_obj, capability) for capability in (READ, CATALOG))


def may(user: Person, capability: str) -> bool:
    """Whether this is a member of staff with a role that has the capability, or a superuser."""
    is_staff = user.is_active and getattr(user, "is_staff", False)
    return bool(is_staff) and isinstance(user, User) and user.has_perm(capability)


def check_may(user: Person, *wanted: str) -> None:
    """One of the capabilities is enough. Raises StaffRoleRequiredError: which roles reach, and who has one of them."""
    if not any(may(user, capability) for capability in wanted):
        raise StaffRoleRequiredError(
            f"user {user.pk} lacks {' and '.join(wanted)}",
            roles=[role for role, held in ROLES.items() if set(held) & set(wanted)],
            admins=[describe(one) for one in who_may(*wanted)],
        )


def capabilities(user: Person) -> dict[str, bool]:
    """By short name, for templates: `may.manage`."""
    return {name: may(user, capability) for name, capability in SHORT_NAMES.items()}


def who_may(*wanted: str) -> list[User]:
    """Active staff with one of the capabilities, superusers among them, by e-mail address."""
    return list(_staff_with(wanted))


@built_once  # every refusal asks it
def _staff_with(wanted: tuple[str, ...]) -> QuerySet[User]:
    held = Permission.objects.filter(content_type__app_label="accounts", codename__in=[*map(_codename, wanted)])
    has_it = Q(groups__permissions__in=held) | Q(user_permissions__in=held) | Q(is_superuser=True)
    return User.objects.filter(has_it, is_active=True, is_staff=True).distinct().order_by("email")


def role_group(role: str) -> Group:
    """The group of a role, with exactly the capabilities of ROLES; made where it is missing."""
    group, _is_new = Group.objects.get_or_create(name=role)
    held = Permission.objects.filter(content_type__app_label="accounts", codename__in=map(_codename, ROLES[role]))
    group.permissions.set(held)
    return group


def _codename(capability: str) -> str:
    return capability.partition(".")[2]
