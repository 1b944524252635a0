"""A house with nothing but its frame: log-in, style guide, and pages that refuse in every way."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from accounts.exceptions import DefaultRequiredError
from billing_portal.pages.styleguide import styleguide
from billing_portal.pages.theme import set_theme


def refuse(request: HttpRequest) -> HttpResponse:
    raise DefaultRequiredError


def forbid(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def fail(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


@csrf_exempt
def read(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{len(request.body)} bytes")


urlpatterns = [
    path("styleguide/", styleguide, name="styleguide"),
    path("theme/", set_theme, name="set_theme"),
    path("settings/billing/", styleguide, name="billing_overview"),
    path("settings/", styleguide, name="settings"),
    path("switch/", refuse, name="switch_customer"),
    path("refuse/", refuse),
    path("api/refuse/", refuse),
    path("forbid/", forbid),
    path("fail/", fail),
    path("read/", read),
    path("api/read/", read),
    path("accounts/", include("allauth.urls")),
]
