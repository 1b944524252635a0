"""A customer's people, as staff change them: invite, role, removal, the invitation once more."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext, gettext_lazy

from accounts.access import customer_now
from accounts.last_admin import is_last_admin
from accounts.models import Customer, Membership
from accounts.roles import MANAGE, SUPPORT
from accounts.services.change_role import change_role
from accounts.services.invite_member import invite_member
from accounts.services.remove_member import remove_member
from accounts.services.resend_invitation import resend_invitation
from accounts.staff import staff_user
from billing_portal.admin.access import customer_page
from billing_portal.admin.change_forms import InviteForm, OnceForm, RemoveMemberForm, RoleForm
from billing_portal.admin.changes import Words, act, get_or_post, gone, post_data
from core import clock
from core.language import inside

ROLES = gettext_lazy(
    "A billing admin can do everything, a billing viewer can read and download, a member has no access to billing."
)
LAST = gettext_lazy("This is the last billing admin: nobody of the customer could change anything any more.")


@get_or_post
@customer_page(MANAGE)
def customer_invite(request: HttpRequest, customer: Customer) -> HttpResponse:
    form = InviteForm(post_data(request))
    words = Words(
        gettext("Invite a person"),
        gettext("They are told by e-mail, and set a password if they are new here."),
        gettext("Invite"),
        ROLES,
    )

    def do() -> str:
        # What is sent bears the real present, also where the customer has a clock of its own.
        at, actor = clock.now(), staff_user(request)
        member = invite_member(customer_id=customer.pk, at=at, actor=actor, **form.cleaned_data)
        return gettext("%(email)s is %(role)s now and told by e-mail.") % {
            "email": member.user.email,
            "role": inside(member.get_role_display()),
        }

    return act(request, customer, form, words, do)


@get_or_post
@customer_page(MANAGE)
def customer_role(request: HttpRequest, customer: Customer, membership_id: int) -> HttpResponse:
    member = _member(customer, membership_id)
    is_last = is_last_admin(member)
    form = RoleForm(post_data(request), member, is_last_admin=is_last)
    lead = gettext("%(email)s is %(role)s of %(name)s.") % {
        "email": member.user.email,
        "role": inside(member.get_role_display()),
        "name": customer.name,
    }
    words = Words(gettext("Change role"), f"{lead} {LAST}" if is_last else lead, gettext("Change role"), ROLES)

    def do() -> str:
        role = form.cleaned_data["role"]
        changed = change_role(role=role, leaves_no_admin=form.is_said, **_about(request, member, form.cleaned_data))
        return gettext("%(email)s is %(role)s now.") % {
            "email": member.user.email,
            "role": inside(changed.get_role_display()),
        }

    return act(request, customer, form, words, do)


@get_or_post
@customer_page(MANAGE)
def customer_person_remove(request: HttpRequest, customer: Customer, membership_id: int) -> HttpResponse:
    member = _find(customer, membership_id)
    if member is None:
        return gone(request, customer)
    is_last = is_last_admin(member)
    form = RemoveMemberForm(post_data(request), member, is_last_admin=is_last)
    lead = gettext("They lose access to %(name)s at once. Their own account stays.") % {"name": customer.name}
    note = gettext("Invoice recipients are no people: they are changed under «Billing details».")
    words = Words(
        gettext("Remove %(email)s") % {"email": member.user.email},
        f"{lead} {LAST}" if is_last else lead,
        gettext("Remove"),
        note,
        is_danger=True,
    )

    def do() -> str:
        remove_member(leaves_no_admin=form.is_said, **_about(request, member, form.cleaned_data))
        return gettext("%(email)s no longer belongs to %(name)s.") % {"email": member.user.email, "name": customer.name}

    return act(request, customer, form, words, do)


@get_or_post
@customer_page(SUPPORT)
def customer_invite_again(request: HttpRequest, customer: Customer, membership_id: int) -> HttpResponse:
    """Sends again, and changes nothing of who may come in."""
    member = _member(customer, membership_id)
    form = OnceForm(post_data(request))
    lead = gettext("%(email)s gets the invitation once more.") % {"email": member.user.email}
    note = (
        ""
        if member.user.has_usable_password()
        else gettext("They have not set a password yet: the e-mail leads them to it.")
    )
    words = Words(gettext("Send the invitation again"), lead, gettext("Send again"), note)

    def do() -> str:
        about = _about(request, member, form.cleaned_data) | {"at": clock.now()}
        resend_invitation(key=form.cleaned_data["key"], **about)
        return gettext("The invitation is on its way to %(email)s again.") % {"email": member.user.email}

    return act(request, customer, form, words, do)


def _find(customer: Customer, membership_id: int) -> Membership | None:
    rows = Membership.objects.select_related("user", "customer")
    return rows.filter(customer=customer, pk=membership_id).first()


def _member(customer: Customer, membership_id: int) -> Membership:
    member = _find(customer, membership_id)
    if member is None:
        raise Http404
    return member


def _about(request: HttpRequest, member: Membership, values: dict[str, Any]) -> dict[str, Any]:
    """What every verb about a member takes."""
    return {
        "customer_id": member.customer_id,
        "membership_id": member.pk,
        "at": customer_now(member.customer),
        "actor": staff_user(request),
        "reason": values["reason"],
    }


PEOPLE = "billing/customers/<str:key>/people/"
urlpatterns = [
    path(f"{PEOPLE}invite/", customer_invite, name="customer_invite"),
    path(f"{PEOPLE}<int:membership_id>/role/", customer_role, name="customer_role"),
    path(f"{PEOPLE}<int:membership_id>/remove/", customer_person_remove, name="customer_person_remove"),
    path(f"{PEOPLE}<int:membership_id>/invite-again/", customer_invite_again, name="customer_invite_again"),
]
