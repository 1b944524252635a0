"""While staff look as a customer: nothing is written, and nothing of anybody's account is shown."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_noop

from accounts import viewing
from accounts.exceptions import ViewingRefusedError
from accounts.viewing import Viewing, ViewingOverError
from billing_portal.middleware import error_code, refusal
from core import clock, formats

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
STOP = "viewing_stop"
LOG_OUT = frozenset({"account_logout", "logout"})
# Programs' tokens and people's own accounts: no part of what a billing viewer's portal shows to somebody else.
HIDDEN = frozenset({"api_tokens", "api_tokens_csv", "api_token_revoke", "password_change", "password_change_done"})
ACCOUNT_PAGES = "accounts/"

ENDED = {
    "expired": gettext_noop("You no longer view the portal of %(customer)s: 60 minutes are over."),
    "role withdrawn": gettext_noop("You no longer view the portal of %(customer)s: your role no longer includes it."),
}


class ViewingMiddleware:
    """Sets `request.viewing`, ends it where it is over, and refuses what a look does not include."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.viewing = None  # type: ignore[attr-defined]
        try:
            request.viewing = viewing.viewing_of(request, clock.now())  # type: ignore[attr-defined]
        except ViewingOverError as over:
            request.viewing_over = over  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """The refusal, or None where the view may answer."""
        over: ViewingOverError | None = getattr(request, "viewing_over", None)
        if over is not None:
            return _say_it_is_over(request, over)
        current: Viewing | None = request.viewing  # type: ignore[attr-defined]
        if current is None:
            return None
        return _look_only(request, current)


def _say_it_is_over(request: HttpRequest, over: ViewingOverError) -> HttpResponseBase | None:
    """What was meant for the customer's portal must not reach the person's own: a form sent too late is refused."""
    said = gettext(ENDED[over.how]) % {"customer": over.customer}
    if request.method not in SAFE:
        if _url_name(request) in {STOP, *LOG_OUT}:
            return None
        return _refuse(request, f"{said} {gettext('Nothing was saved.')}")
    if getattr(request, "htmx", False):
        return _refuse(request, said)
    messages.warning(request, said)
    return redirect("admin:index" if getattr(request.user, "is_staff", False) else "home")


def _look_only(request: HttpRequest, current: Viewing) -> HttpResponseBase | None:
    name = _url_name(request)
    if request.method not in SAFE:
        if name in LOG_OUT:
            viewing.stop(request, current, how="logged out", at=clock.now())
        if name == STOP or name in LOG_OUT:
            return None
        said = gettext(
            "You view the portal of %(customer)s read-only until %(time)s. Nothing was saved. "
            "Stop viewing to do this as yourself."
        )
        return _refuse(request, said % {"customer": current.customer, "time": formats.instant(current.until)})
    if name in HIDDEN or (_route(request).startswith(ACCOUNT_PAGES) and name not in LOG_OUT):
        return _refuse(request, gettext("Accounts and API tokens are not shown while you view a customer’s portal."))
    return None


def _refuse(request: HttpRequest, message: str) -> HttpResponseBase:
    error = ViewingRefusedError(f"{request.method} while viewing", message=message)
    return refusal(request, error.status, error_code(error), error.message)


def _url_name(request: HttpRequest) -> str:
    return (request.resolver_match.url_name or "") if request.resolver_match else ""


def _route(request: HttpRequest) -> str:
    return str(request.resolver_match.route) if request.resolver_match else ""
