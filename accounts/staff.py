"""Staff's own pages: who may see them, and how they are rendered inside the staff site."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from accounts.models import User
from accounts.roles import check_manages_billing

P = ParamSpec("P")
StaffView = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def staff_page(view: StaffView[P]) -> StaffView[P]:
    """Decorates a view: strangers and customers log in to the staff site; staff need the role, else a 403 that names
    who has it."""

    @wraps(view)
    def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        check_manages_billing(request.user)
        return view(request, *args, **kwargs)

    @wraps(view)
    def page(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        return admin.site.admin_view(checked)(request, *args, **kwargs)

    return page


def staff_user(request: HttpRequest) -> User:
    """The member of staff, as the actor of a verb."""
    return cast("User", request.user)


def render_staff(
    request: HttpRequest, template: str, context: Mapping[str, Any], status: int | None = None
) -> HttpResponse:
    """A page inside the staff site: with its menu and messages."""
    return render(request, template, {**admin.site.each_context(request), **context}, status=status)
