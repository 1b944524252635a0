"""Light, dark or as the system has it: a cookie set by a plain form. Nothing flashes, no script needed."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

YEAR = 365 * 24 * 3600


def came_from(request: HttpRequest) -> str:
    """`next` of the form, where it is a page of this portal."""
    back = request.POST.get("next", "")
    return back if url_has_allowed_host_and_scheme(back, allowed_hosts=None) else reverse("home")


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember `theme` (light, dark; anything else: the system's) and go back to where the person was."""
    response = HttpResponseRedirect(came_from(request), status=303)
    theme = request.POST.get("theme", "")
    if theme in {"light", "dark"}:
        response.set_cookie(
            "theme", theme, max_age=YEAR, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
        )
    else:
        response.delete_cookie("theme")
    return response
