"""Explain for staff: the customer's own page about a charge, inside the customer page."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from accounts.access import customer_now
from accounts.models import Customer
from accounts.roles import EXPORT, READ
from billing_portal.admin.access import customer_page
from billing_portal.admin.customers import render_customer
from billing_portal.pages.explain import SUM, days_of, events_csv, find_charge


@require_safe
@customer_page(READ)
def customer_explain(request: HttpRequest, customer: Customer, line_key: str) -> HttpResponse:
    """The whole page; for htmx the sum alone, to be opened beside the line."""
    charge = find_charge(customer, line_key, customer_now(customer))
    if getattr(request, "htmx", False):
        return render(request, SUM, {"charge": charge})
    context = {
        "charge": charge,
        "days": days_of(customer, charge),
        "title": gettext("%(title)s, explained – %(name)s") % {"title": charge.line.title, "name": customer.name},
    }
    return render_customer(request, customer, "admin/customer_explain.html", context)


@require_safe
@customer_page(EXPORT)
def customer_explain_events(request: HttpRequest, customer: Customer, line_key: str) -> HttpResponseBase:
    """The events of a usage line as CSV."""
    return events_csv(customer, line_key, customer_now(customer))


EXPLAIN = "billing/customers/<str:key>/explain/<path:line_key>/"
urlpatterns = [
    path(f"{EXPLAIN}events.csv", customer_explain_events, name="customer_explain_events"),
    path(EXPLAIN, customer_explain, name="customer_explain"),
]
