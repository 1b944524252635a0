"""The staff site: Django admin with the menu «Metering & Billing» and a refusal that names who can."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import include, path

from accounts.roles import check_manages_billing, manages_billing
from billing_portal.admin.menu import SECTIONS, grouped, section_of


class StaffSite(AdminSite):
    """Its menu groups tables by what people do with them, not by the room that keeps them."""

    index_title = "Metering & Billing"
    enable_nav_sidebar = False

    @property
    def site_header(self) -> str:  # type: ignore[override]
        return f"{settings.PRODUCT_NAME} staff"

    @property
    def site_title(self) -> str:  # type: ignore[override]
        return f"{settings.PRODUCT_NAME} staff"

    def get_urls(self) -> list[Any]:
        return [path("", include("billing_portal.admin.urls")), *super().get_urls()]

    def admin_view(self, view: Callable[..., HttpResponseBase], cacheable: bool = False) -> Any:
        """As ever: strangers log in first. Staff whom a page refuses for want of the role learn who has it."""
        inner = super().admin_view(view, cacheable)

        @wraps(view)
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return inner(request, *args, **kwargs)
            except PermissionDenied:
                check_manages_billing(request.user)
                raise

        return page

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        match = request.resolver_match
        may_manage = manages_billing(request.user)
        return {
            **super().each_context(request),
            "manages_billing": may_manage,
            "staff_sections": SECTIONS if may_manage else (),
            "staff_section": section_of(match.url_name or "") if match and may_manage else None,
        }

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        return apps if app_label else grouped(apps)
