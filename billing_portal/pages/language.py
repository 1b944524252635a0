"""The language of the pages: a cookie set by a plain form; without one the browser's own wish counts."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from billing_portal.pages.theme import YEAR, came_from


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Remember `language`, one of LANGUAGES, and go back to where the person was; another one changes nothing."""
    response = HttpResponseRedirect(came_from(request), status=303)
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=YEAR,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response
