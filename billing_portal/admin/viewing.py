"""«Log in as viewer»: staff look at a customer's portal, read-only, for an hour, with a reason."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts import viewing
from accounts.exceptions import ViewingRefusedError
from accounts.middleware import current_viewing
from accounts.models import Customer
from accounts.roles import CAPABILITIES, SUPPORT
from accounts.staff import staff_page, staff_user
from billing_portal.admin.access import customer_page
from billing_portal.admin.change_forms import ViewForm
from billing_portal.admin.changes import Words
from billing_portal.admin.customers import render_customer
from core import clock


@require_http_methods(["GET", "POST"])
@customer_page(SUPPORT)
def customer_view(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Asks why; then the portal opens as a billing viewer of this customer sees it."""
    form = ViewForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        about: dict[str, Any] = {"customer": customer, "user": staff_user(request), "at": clock.now()}
        try:
            viewing.start(request, key=form.cleaned_data["key"], reason=form.cleaned_data["reason"], **about)
        except ViewingRefusedError as error:
            form.add_error(None, error.message)
        else:
            return HttpResponseRedirect(reverse("billing_overview"), status=303)
    context = {
        "form": form,
        "words": _words(customer),
        "title": gettext("Log in as viewer – %(name)s") % {"name": customer.name},
    }
    status = 422 if request.method == "POST" else 200
    return render_customer(request, customer, "admin/customer_action.html", context, status)


def _words(customer: Customer) -> Words:
    lead = gettext(
        "You see the portal as a billing viewer of %(name)s sees it, read-only, for 60 minutes. You stay "
        "signed in as yourself: nothing can be changed, and nobody gets an e-mail."
    ) % {"name": customer.name}
    note = gettext("The customer’s audit trail keeps who looked, when and why.")
    return Words(gettext("Log in as viewer"), lead, gettext("Log in as viewer"), note)


@require_POST
@staff_page(*CAPABILITIES)
def viewing_stop(request: HttpRequest) -> HttpResponse:
    """Back to the customer page; where it was over already, to the staff site's first page."""
    current = current_viewing(request)
    if current is None:
        return HttpResponseRedirect(reverse("admin:index"), status=303)
    viewing.stop(request, current, how="stopped", at=clock.now())
    messages.success(
        request, gettext("You no longer view the portal of %(customer)s.") % {"customer": current.customer}
    )
    return HttpResponseRedirect(reverse("admin:customer", args=[current.customer.key]), status=303)


urlpatterns = [
    path("billing/customers/<str:key>/view/", customer_view, name="customer_view"),
    path("billing/viewing/stop/", viewing_stop, name="viewing_stop"),
]
