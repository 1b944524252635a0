"""The front door: people who are logged in go to their overview, everybody else to the log-in page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts.middleware import current_membership


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated and request.user.is_staff and current_membership(request) is None:
        return redirect("admin:index")
    return redirect("billing_overview" if request.user.is_authenticated else "account_login")
