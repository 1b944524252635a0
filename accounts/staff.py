"""Staff's own pages: who may see them, and how they are rendered inside the staff site."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from accounts.models import User
from accounts.roles import check_may

P = ParamSpec("P")
StaffView = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def staff_page(*capabilities: str) -> Callable[[StaffView[P]], StaffView[P]]:
    """Decorates a view: strangers log in to the staff site; staff need a role with one of the capabilities
    (accounts/roles.py), else a 403 that names the roles and who has them.

    A page that only shows asks for READ, one that writes for what it does – for every method, its form included.
    """

    def decorate(view: StaffView[P]) -> StaffView[P]:
        @wraps(view)
        def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            check_may(request.user, *capabilities)
            return view(request, *args, **kwargs)

        @wraps(view)
        def page(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            return admin.site.admin_view(checked)(request, *args, **kwargs)

        return page

    return decorate


def staff_user(request: HttpRequest) -> User:
    """The member of staff, as the actor of a verb."""
    return cast("User", request.user)


def render_staff(
    request: HttpRequest, template: str, context: Mapping[str, Any], status: int | None = None
) -> HttpResponse:
    """A page inside the staff site: with its menu and messages."""
    return render(request, template, {**admin.site.each_context(request), **context}, status=status)
