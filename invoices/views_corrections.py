"""«Ask us for a corrected invoice»: a form about one issued invoice, and how the request stands."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import PortalRequest, billing_page, customer_now, enter_customer
from accounts.drafts import refill
from invoices.corrections import OFFERED, correctable, state
from invoices.exceptions import InvoicesError
from invoices.forms_corrections import CorrectionForm
from invoices.models import CorrectionRequest
from invoices.services.ask_for_correction import ask_for_correction


@require_http_methods(["GET", "HEAD", "POST"])
@billing_page(write=True)
def correction_add(request: PortalRequest) -> HttpResponse:
    """`?invoice=` marks one in the list."""
    invoices = list(correctable(request.customer.pk)[:OFFERED])
    form = CorrectionForm(invoices, request.POST or None, chosen=request.GET.get("invoice", ""))
    status = 200
    if form.is_bound:
        made, status = _asked(request, form)
        if made is not None:
            messages.success(request, _("We got your request. You hear from us by e-mail."))
            return HttpResponseRedirect(reverse("correction", args=[made.public_id]), status=303)
    context = {"form": refill(request, form), "invoices": invoices}
    return render(request, "invoices/correction_add.html", context, status=status)


def _asked(request: PortalRequest, form: CorrectionForm) -> tuple[CorrectionRequest | None, int]:
    """The request, or the status with which the form says why there is none."""
    if not form.is_valid():
        return None, 422
    try:
        made = ask_for_correction(
            invoice_id=form.chosen.pk,
            wrong=form.cleaned_data["wrong"],
            key=f"user:{request.user.pk}:{form.cleaned_data['key']}",
            at=customer_now(request.customer),
            actor=request.user,
        )
    except InvoicesError as refusal:
        form.add_error("invoice", refusal.message)
        return None, refusal.status
    return made, 200


@require_safe
@login_required
def correction(request: HttpRequest, public_id: str) -> HttpResponse:
    """What was asked, and the answer."""
    found = get_object_or_404(CorrectionRequest.objects.select_related("invoice", "asked_by"), public_id=public_id)
    enter_customer(request, found.customer_id)
    return render(request, "invoices/correction.html", {"asked": found, "state": state(found)})
