"""«Why are you leaving?»: asked once the plan has ended, on the page that says so, and never before."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import PortalRequest, customer_now, enter_customer
from plans import selectors
from plans.forms import LeavingForm
from plans.services.tell_why_left import tell_why_left
from plans.views import see_other


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def plan_cancel_reason(request: HttpRequest, public_id: str) -> HttpResponse:
    """The question on a page of its own: where an answer was empty, and for whoever comes back to it."""
    quote = selectors.quote_by_id(public_id)
    if quote is None:
        raise Http404
    customer = enter_customer(request, quote.customer_id, write=True).customer
    if quote.completed_at is None:
        raise Http404
    form = LeavingForm(request.POST if request.method == "POST" else None)
    if quote.asks_why and not form.is_valid():
        context = {"form": form, "quote": quote}
        return render(request, "plans/plan_cancel_reason.html", context, status=422 if form.is_bound else 200)
    if quote.asks_why:
        actor = cast("PortalRequest", request).user
        tell_why_left(quote=quote, **form.cleaned_data, at=customer_now(customer), actor=actor)
    messages.success(request, _("Thank you. We read every answer."))
    return see_other(reverse("billing_overview"))
