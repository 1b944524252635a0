"""Which customer a page is about, for people of several."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from accounts.models import Customer, Membership
from accounts.selectors import memberships

if TYPE_CHECKING:
    from accounts.viewing import Viewing

SESSION_KEY = "current_customer"


def current_viewing(request: HttpRequest) -> "Viewing | None":
    """Whose portal a member of staff looks at as a viewer (accounts/viewing.py); None for everybody else."""
    return getattr(request, "viewing", None)


def current_membership(request: HttpRequest) -> Membership | None:
    """The membership of the customer chosen in the session, else the first one, else None; found once."""
    if not hasattr(request, "_current_membership"):
        request._current_membership = _find_membership(request)  # type: ignore[attr-defined]
    return request._current_membership  # type: ignore[attr-defined, no-any-return]


def current_memberships(request: HttpRequest) -> list[Membership]:
    """Everything the person belongs to, read with them or once. Staff who look as a viewer: that alone."""
    viewing = current_viewing(request)
    if viewing is not None:
        return [viewing.membership]
    user = getattr(request, "user", None)  # absent where an error page is shown before anybody was asked for
    if user is None or not user.is_authenticated:
        return []
    if not hasattr(request, "_current_memberships"):
        request._current_memberships = memberships(user)  # type: ignore[attr-defined]
    return request._current_memberships  # type: ignore[attr-defined, no-any-return]


def _find_membership(request: HttpRequest) -> Membership | None:
    rows = current_memberships(request)
    chosen = request.session.get(SESSION_KEY)
    return next((row for row in rows if row.customer_id == chosen), rows[0] if rows else None)


def current_customer(request: HttpRequest) -> Customer | None:
    membership = current_membership(request)
    return membership.customer if membership else None


class CurrentCustomerMiddleware:
    """Sets `request.customer` and `request.membership`, lazily: pages that don't ask pay nothing.

    Both are lazy objects that are false where there is none; `accounts.access` replaces them with plain rows.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.membership = SimpleLazyObject(partial(current_membership, request))  # type: ignore[attr-defined]
        request.customer = SimpleLazyObject(partial(current_customer, request))  # type: ignore[attr-defined]
        return self.get_response(request)
