"""«Contact Sales»: a form, and a page that says it has arrived."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import PortalRequest, billing_page, customer_now
from accounts.drafts import refill
from accounts.models import PaymentPolicy
from core.nudge import nudge
from plans.forms import ContactSalesForm
from plans.models import SalesInquiry
from plans.quotes import check_self_serve
from plans.services.contact_sales import contact_sales
from plans.views import see_other


@require_http_methods(["GET", "POST"])
@billing_page(write=True)
def contact_sales_page(request: PortalRequest) -> HttpResponse:
    if request.method == "POST":
        check_self_serve(request.customer)
        return _posted(request)
    if request.customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT:
        return render(request, "plans/contact_sales.html")
    initial = {"name": request.user.get_full_name(), "email": request.user.email, "company": request.customer.name}
    form = refill(request, ContactSalesForm(initial=initial))
    return render(request, "plans/contact_sales.html", {"form": form})


@require_GET
@billing_page(write=True)
def contact_sales_sent(request: PortalRequest, reference: str) -> HttpResponse:
    inquiry = get_object_or_404(SalesInquiry, reference=reference, customer=request.customer)
    return render(request, "plans/contact_sales_sent.html", {"inquiry": inquiry})


def _posted(request: PortalRequest) -> HttpResponse:
    form = ContactSalesForm(request.POST)
    if not form.is_valid():
        return render(request, "plans/contact_sales.html", {"form": form}, status=422)
    if form.is_spam:
        return see_other(reverse("plan_change"))
    inquiry = contact_sales(
        customer=request.customer, values=form.inquiry_values(), at=customer_now(request.customer), actor=request.user
    )
    nudge("billing_portal.tasks.deliver_notices")
    return see_other(reverse("contact_sales_sent", args=[inquiry.reference]))
