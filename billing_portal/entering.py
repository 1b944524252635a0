"""On the way in: what was typed is kept while somebody logs in or confirms who they are, and they come back to it.

Whose form it was is not known any more once a session is over, so a signed cookie says who was logged in here last;
only that person gets the draft back.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django_htmx.http import HttpResponseClientRedirect

from accounts import drafts
from accounts.access import local_path, with_next
from accounts.exceptions import ConfirmationRequiredError
from billing_portal.middleware import came_from

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

PERSON: Final = "person"
SALT: Final = "billing_portal.entering"
LASTS: Final = 365 * 24 * 3_600  # seconds
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class EnteringMiddleware:
    """Stands last, so that it sees refusals before they become pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if leads_to_login(request, response):
            return way_in(request, resolve_url(settings.LOGIN_URL), page_of(request), last_person(request))
        remember(request, response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """A confirmation that is missing leads to the page that asks for it."""
        if not isinstance(exception, ConfirmationRequiredError):
            return None
        ways = get_adapter().get_reauthentication_methods(request.user)
        url = ways[0]["url"] if ways else resolve_url("account_reset_password")
        return way_in(request, url, request.get_full_path(), request.user.pk)


def leads_to_login(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether a stranger is sent to the log-in who posted something, or asked for a fragment; all others it leads back
    by itself."""
    if request.method in SAFE and not getattr(request, "htmx", False):
        return False
    target = response.headers.get("Location", "") if response.status_code == 302 else ""
    login = resolve_url(settings.LOGIN_URL)
    of_allauth = request.path.startswith(login.removesuffix("login/"))
    return urlsplit(target).path == login and not of_allauth and not request.user.is_authenticated


def way_in(request: HttpRequest, url: str, page: str, person: int | None) -> HttpResponseBase:
    """To `url`, which leads back to `page`. A fragment can't be a log-in: there the whole page changes."""
    if person is not None and request.method == "POST":
        drafts.keep(request, page=page, person=person)
    address = with_next(url, page)
    return HttpResponseClientRedirect(address) if getattr(request, "htmx", False) else HttpResponseRedirect(address)


def page_of(request: HttpRequest) -> str:
    """The page on which somebody is who posted something or asked for a fragment. What is only posted to is none."""
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    if htmx:
        return local_path(htmx.current_url_abs_path, request.get_full_path())
    here = urlsplit(came_from(request))
    return local_path(f"{here.path}?{here.query}" if here.query else here.path, request.get_full_path())


def last_person(request: HttpRequest) -> int | None:
    """Who was logged in last in this browser; None where that is not known."""
    said = request.get_signed_cookie(PERSON, "", salt=SALT, max_age=LASTS) or ""
    return int(said) if said.isdecimal() else None


def remember(request: HttpRequest, response: HttpResponseBase) -> None:
    user = request.user
    if user.is_authenticated and last_person(request) != user.pk and hasattr(response, "set_signed_cookie"):
        response.set_signed_cookie(
            PERSON,
            str(user.pk),
            salt=SALT,
            max_age=LASTS,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
