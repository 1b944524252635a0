"""«Subscriptions» of a customer: what was and is, and another plan – never without its preview."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import customer_now
from accounts.models import Customer, PaymentPolicy
from accounts.roles import MANAGE, READ
from accounts.selectors import default_payment_methods
from accounts.staff import staff_user
from billing_portal.admin.access import customer_page
from billing_portal.admin.customer_forms import SubscriptionForm
from billing_portal.admin.customers import render_customer
from core import formats
from invoices.taxing import row_texts
from plans.exceptions import PlansError
from plans.selectors.scheduling import ChangePreview, preview_change, scheduled_change, subscriptions_of
from plans.services.schedule_change import schedule_change


@require_safe
@customer_page(READ)
def customer_subscriptions(request: HttpRequest, customer: Customer) -> HttpResponse:
    context = {"subscriptions": subscriptions_of(customer.pk), "scheduled": scheduled_change(customer.pk)}
    return render_customer(request, customer, "admin/customer_subscriptions.html", context)


@require_http_methods(["GET", "POST"])
@customer_page(MANAGE)
def customer_subscriptions_add(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Plan, start and reason; then the preview; then «Save», which is refused where the preview no longer holds."""
    form = SubscriptionForm(request.POST if request.method == "POST" else None)
    preview, status = None, 200
    if request.method == "POST":
        preview = _preview(customer, form) if form.is_valid() else None
        status = 422 if preview is None else 200
    if preview is not None and "_save" in request.POST:
        if form.cleaned_data["seen"] == _figures(preview):
            return _save(request, customer, form)
        status = 409
    context = {
        "form": form,
        "title": f"New subscription – {customer.name}",
        "moved": status == 409 and bool(form.cleaned_data["seen"]),
        "unseen": status == 409 and not form.cleaned_data["seen"],
        **(_shown(customer, preview) if preview else {}),
    }
    return render_customer(request, customer, "admin/customer_subscriptions_add.html", context, status)


def _preview(customer: Customer, form: SubscriptionForm) -> ChangePreview | None:
    plan = form.plans[form.cleaned_data["plan"]]
    try:
        return preview_change(customer_id=customer.pk, plan=plan, when=form.chosen_when, at=customer_now(customer))
    except PlansError as error:
        form.add_error(None, error.message)
        return None


def _figures(preview: ChangePreview) -> str:
    """What «Save» carries: an estimate binds nobody to its cents."""
    owed = "estimate" if preview.is_estimate else f"{preview.totals.total}:{preview.owed.credits}:{preview.to_credits}"
    day = preview.effective_at.date() if preview.is_estimate else "at once"
    return f"{preview.plan.pk}:{day}:{preview.owed.currency}:{owed}"


def _shown(customer: Customer, preview: ChangePreview) -> dict[str, Any]:
    has_card = bool(default_payment_methods([customer.pk]))
    needs_card = preview.plan.payment_policy == PaymentPolicy.REQUIRED
    taxes = row_texts(preview.totals.taxes, preview.owed.currency)
    return {
        "preview": preview,
        "seen": _figures(preview),
        "taxes": taxes,
        "lacks_card": needs_card and not has_card,
        "by_contract": preview.plan.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT,
    }


def _save(request: HttpRequest, customer: Customer, form: SubscriptionForm) -> HttpResponse:
    change = schedule_change(
        customer_id=customer.pk,
        plan=form.plans[form.cleaned_data["plan"]],
        when=form.chosen_when,
        at=customer_now(customer),
        actor=staff_user(request),
        reason=form.cleaned_data["reason"],
    )
    began = "is on" if change.opened_id else "will be on"
    since = "since" if change.opened_id else "from"
    at = formats.instant(change.effective_at)
    messages.success(request, f"{customer.name} {began} {change.plan} {since} {at}.")
    return HttpResponseRedirect(reverse("admin:customer_subscriptions", args=[customer.key]))
