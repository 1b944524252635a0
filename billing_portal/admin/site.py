"""The staff site: Django admin with the menu «Metering & Billing», the portal's own log-in with its second factor,
and refusals that name who can."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import include, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext, gettext_lazy

from accounts.exceptions import StaffOnlyError
from accounts.roles import CAPABILITIES, READ, capabilities, check_may
from billing_portal.admin.menu import grouped, section_of, sections_for
from billing_portal.admin.worklist import read_diary, work_for
from core import clock


class StaffSite(AdminSite):
    """Its menu groups tables by what people do with them, not by the room that keeps them."""

    index_title = gettext_lazy("Metering & Billing")
    enable_nav_sidebar = False

    @property
    def site_header(self) -> str:  # type: ignore[override]
        return gettext("%(product)s staff") % {"product": settings.PRODUCT_NAME}

    @property
    def site_title(self) -> str:  # type: ignore[override]
        return gettext("%(product)s staff") % {"product": settings.PRODUCT_NAME}

    def get_urls(self) -> list[Any]:
        own: Any = include("billing_portal.admin.urls")[0]
        return [*own.urlpatterns, *super().get_urls()]  # one list: it is searched faster than one inside another

    def admin_view(self, view: Callable[..., HttpResponseBase], cacheable: bool = False) -> Any:
        """As ever: strangers log in first. Staff whom a page refuses for want of a role learn who has one; without a
        second factor, where that is required, they set one up before they see anything."""
        inner = super().admin_view(view, cacheable)

        @wraps(view)
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if self.has_permission(request) and lacks_second_factor(request.user):
                messages.warning(request, gettext("Staff need two-factor authentication. Set it up, then go on."))
                return redirect("mfa_activate_totp")
            try:
                return inner(request, *args, **kwargs)
            except PermissionDenied:
                check_may(request.user, *CAPABILITIES)
                check_may(request.user, READ)
                raise

        return page

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The portal's log-in, the only one: it knows rate limits and second factors. Raises StaffOnlyError."""
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:
            raise StaffOnlyError(f"user {request.user.pk} is no staff")
        wanted = request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index")
        return redirect_to_login(wanted, reverse("account_login"))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """What waits for the person; the menu comes after it."""
        may, at = capabilities(request.user), clock.now()
        work: dict[str, Any] = {"work": work_for(may, at)}
        if may["read"]:
            diary = read_diary(at)
            work |= {"latest_runs": diary.runs, "last_check": diary.check}
        return super().index(request, {**work, **(extra_context or {})})

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        match = request.resolver_match
        may = capabilities(request.user)
        sections = sections_for(may)
        return {
            **super().each_context(request),
            "may": may,
            "staff_sections": sections,
            "staff_section": section_of(sections, match.url_name or "") if match else None,
        }

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Put together where it is shown: Django asks for it for every page, and it is a fifth of what a page costs."""
        return SimpleLazyObject(partial(self._apps, request, app_label))

    def _apps(self, request: HttpRequest, app_label: str | None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        return apps if app_label else grouped(apps)


def lacks_second_factor(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether a member of staff has to set up two-factor authentication first."""
    return bool(settings.STAFF_MFA_REQUIRED) and not is_mfa_enabled(user)
