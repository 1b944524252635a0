"""A form whose token is not valid any more: logging in changes it, and a form in another tab has the one of before.

Such a form is never carried out. Where the same person had it, they get it back as they filled it in; that it was
theirs is known by the token of before, which their session remembers if they were also who was logged in last.
"""

from typing import Any, Final

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware import csrf
from django.shortcuts import render
from django.utils.translation import gettext, gettext_noop

from accounts import drafts
from accounts.models import User
from billing_portal.entering import last_person
from billing_portal.middleware import refusal, stood_on

SESSION_KEY: Final = "token_of_before"
# The pages that show a draft again: each is posted to where it stands, and calls `accounts.drafts.refill`.
KEPT: Final = frozenset(
    {
        *("billing_details", "members", "api_tokens", "billing_notifications"),
        *("plan_upgrade", "contact_sales", "correction_add", "credits_top_up", "charge_ask"),
    }
)

TOO_OLD: Final = gettext_noop(
    "This page was open too long, or you logged in elsewhere meanwhile. Nothing was changed. "
    "Open the page again and send the form from there."
)


@receiver(user_logged_in, dispatch_uid="billing_portal.keep_earlier")
def keep_earlier(request: HttpRequest, user: User, **_told: Any) -> None:
    """The secret of the forms that this browser showed to the same person before; logging in has just changed it."""
    request.session.pop(SESSION_KEY, None)
    earlier = request.COOKIES.get(settings.CSRF_COOKIE_NAME, "")
    if earlier and last_person(request) == user.pk:
        request.session[SESSION_KEY] = earlier


def refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW: 303 to the form as it was filled in, or 403 with the way back to its page."""
    page, person = request.get_full_path(), request.user.pk
    if is_of_before(request) and person and drafts.keep(request, page=page, person=person, elsewhere=True):
        return HttpResponseRedirect(page, status=303)
    if getattr(request, "htmx", False):
        return refusal(request, 403, "token", gettext(TOO_OLD))
    return render(request, "403_csrf.html", {"page_url": stood_on(request)}, status=403)


def is_of_before(request: HttpRequest) -> bool:
    """Whether it is a form with a draft that the person who is logged in had open before they logged in again."""
    match, earlier = request.resolver_match, request.session.get(SESSION_KEY, "")
    if match is None or match.url_name not in KEPT or getattr(request, "htmx", False):
        return False
    return has_secret(request.POST.get("csrfmiddlewaretoken", ""), earlier)


def has_secret(token: str, secret: str) -> bool:
    """As Django itself compares them, which it has no public name for."""
    try:
        csrf._check_token_format(token)  # type: ignore[attr-defined]
        csrf._check_token_format(secret)  # type: ignore[attr-defined]
    except csrf.InvalidTokenFormat:
        return False
    return bool(csrf._does_token_match(token, secret))  # type: ignore[attr-defined]
