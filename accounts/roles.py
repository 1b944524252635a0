"""The role of staff who run the catalogue, customers and credits: a group, and what belongs to it."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, Permission
from django.db.models import Q

from accounts.access import describe
from accounts.exceptions import StaffRoleRequiredError
from accounts.models import User

METERING_AND_BILLING = "Metering & Billing Admin"
MANAGE_BILLING = "accounts.manage_billing"

# What the role covers; who may log in, and with which rights, is decided by superusers.
ROOMS = ("plans", "invoices", "credits", "usage", "accounts")
NOT_COVERED = ("accounts.add_user", "accounts.change_user", "accounts.delete_user")


class StaffRoleBackend(BaseBackend):
    """Whoever has the role has every permission on the rooms' tables: one permission instead of a list that ages."""

    def has_perm(self, user_obj: AbstractBaseUser | AnonymousUser, perm: str, obj: Any = None) -> bool:
        if perm == MANAGE_BILLING or perm in NOT_COVERED:
            return False  # given by the group itself, or not at all
        return perm.partition(".")[0] in ROOMS and manages_billing(user_obj)

    def has_module_perms(self, user_obj: AbstractBaseUser | AnonymousUser, app_label: str) -> bool:
        return app_label in ROOMS and manages_billing(user_obj)


def manages_billing(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether this is a member of staff with the role *Metering & Billing Admin*, or a superuser."""
    is_staff = user.is_active and getattr(user, "is_staff", False)
    return bool(is_staff) and isinstance(user, User) and user.has_perm(MANAGE_BILLING)


def check_manages_billing(user: AbstractBaseUser | AnonymousUser) -> None:
    """Raises StaffRoleRequiredError that names who has the role."""
    if not manages_billing(user):
        raise StaffRoleRequiredError(f"user {user.pk} lacks the role", admins=[describe(one) for one in admins()])


def admins() -> list[User]:
    """Active staff with the role, superusers among them, by e-mail address."""
    has_role = Q(groups__name=METERING_AND_BILLING) | Q(is_superuser=True)
    return list(User.objects.filter(has_role, is_active=True, is_staff=True).distinct().order_by("email"))


def billing_group() -> Group:
    """The role's group, made where it is missing."""
    group, _is_new = Group.objects.get_or_create(name=METERING_AND_BILLING)
    group.permissions.add(Permission.objects.get(content_type__app_label="accounts", codename="manage_billing"))
    return group
