"""«Credits» of a customer, for staff."""

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from accounts.models import Customer
from billing_portal.admin.access import customer_page
from billing_portal.admin.customers import render_customer


@require_safe
@customer_page
def customer_credits(request: HttpRequest, customer: Customer) -> HttpResponse:
    return render_customer(request, customer, "admin/credits/credits.html", {})


urlpatterns = [path("billing/customers/<str:key>/credits/", customer_credits, name="customer_credits")]
