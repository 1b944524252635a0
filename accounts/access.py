"""Who may see which page: the one decorator of billing pages, and the check of pages about one object."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django_htmx.middleware import HtmxDetails

from accounts.exceptions import CustomerSwitchedError, RoleRequiredError
from accounts.middleware import current_membership, current_viewing
from accounts.models import Customer, Membership, Role, User
from accounts.selectors import billing_admins
from core.clock import now

FORM_CUSTOMER = "for_customer"  # a hidden field beside the CSRF token of every form (accounts/templatetags/form_token)

P = ParamSpec("P")


class PortalRequest(HttpRequest):
    """The request inside a billing page: somebody is logged in, and their customer is known."""

    user: User
    customer: Customer
    membership: Membership
    htmx: HtmxDetails


PortalView = Callable[Concatenate[PortalRequest, P], HttpResponseBase]
PlainView = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def check_role(membership: Membership, *, write: bool = False) -> None:
    """Billing admins do everything, billing viewers read; raises RoleRequiredError that names who can."""
    allowed = {Role.BILLING_ADMIN} if write else {Role.BILLING_ADMIN, Role.BILLING_VIEWER}
    if membership.role not in allowed:
        raise RoleRequiredError(
            f"{membership.role} needs {'write' if write else 'read'}",
            admins=[describe(admin) for admin in billing_admins(membership.customer)],
            write=write,
        )


def check_same_customer(request: HttpRequest, customer: Customer) -> None:
    """Raises CustomerSwitchedError where a form was shown for another customer than the one chosen by now."""
    if request.method == "POST" and request.POST.get(FORM_CUSTOMER, customer.key) != customer.key:
        raise CustomerSwitchedError(customer)


def describe(user: User) -> str:
    """`Alice (alice@example.com)`, or only the address where no name is known."""
    name = user.get_full_name()
    return f"{name} ({user.email})" if name else user.email


def customer_now(customer: Customer) -> datetime:
    """The customer's present: their own clock where one is set, else now."""
    return customer.present(now())


def can_write(membership: Membership) -> bool:
    """Whether buttons that change something are shown."""
    return membership.role == Role.BILLING_ADMIN


def local_path(url: str | None, default: str = "") -> str:
    """A path of this portal out of what somebody sent as `next`; anything that leads elsewhere gives `default`."""
    if url and url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None):
        return url
    return default


def with_next(url: str, page: str | None) -> str:
    """The address, and where it leads on: to a page of this portal or nowhere."""
    page = local_path(page)
    return f"{url}?{urlencode({REDIRECT_FIELD_NAME: page})}" if page else url


def membership_for(user: User, customer_id: int) -> Membership:
    """The person's membership of an object's customer; Http404 for strangers, who must not learn that it exists."""
    membership = Membership.objects.select_related("customer").filter(user=user, customer_id=customer_id).first()
    if membership is None:
        raise Http404
    return membership


def _membership_of(request: HttpRequest, customer_id: int) -> Membership:
    """The person's own, or the viewer's of staff who look at a customer's portal – of that customer and no other."""
    viewing = current_viewing(request)
    if viewing is None:
        return membership_for(cast("User", request.user), customer_id)
    if viewing.customer.pk != customer_id:
        raise Http404
    return viewing.membership


def enter_customer(request: HttpRequest, customer_id: int, *, write: bool = False) -> Membership:
    """For pages about one object: checks membership and role, and makes the object's customer the request's.

    Raises Http404 for strangers, RoleRequiredError for a role that does not reach.
    """
    portal = cast("PortalRequest", request)
    membership = _membership_of(request, customer_id)
    portal.membership, portal.customer = membership, membership.customer
    check_role(membership, write=write)
    return membership


def billing_page(*, write: bool = False) -> Callable[[PortalView[P]], PlainView[P]]:
    """Decorates a view: logged in, with a current customer (else 404) and a role that reaches (else 403).

    A form that was shown for another customer than the one chosen by now is refused (409). `write=True` demands the
    role for every method; a page that a viewer may read and an admin may change calls `check_role` before it changes
    something.
    """

    def decorate(view: PortalView[P]) -> PlainView[P]:
        @wraps(view)
        def page(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            membership = current_membership(request)
            if membership is None:
                raise Http404
            portal = cast("PortalRequest", request)
            portal.membership, portal.customer = membership, membership.customer
            check_same_customer(request, portal.customer)
            check_role(membership, write=write)
            return view(portal, *args, **kwargs)

        return page

    return decorate
