"""The two pages of the menu: what stands behind «Product Catalog» and «Billing»."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.roles import CATALOG, READ
from accounts.staff import render_staff, staff_page
from billing_portal.admin.menu import SECTIONS


@require_safe
@staff_page(READ, CATALOG)
def product_catalog(request: HttpRequest) -> HttpResponse:
    return render_staff(request, "admin/section.html", {"section": SECTIONS[0], "title": SECTIONS[0].label})


@require_safe
@staff_page(READ)
def billing(request: HttpRequest) -> HttpResponse:
    return render_staff(request, "admin/section.html", {"section": SECTIONS[1], "title": SECTIONS[1].label})
