"""«Subscriptions» of a customer: what was and is, and another plan – never without its preview."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import customer_now
from accounts.models import Customer
from accounts.roles import MANAGE, READ
from accounts.staff import staff_user
from billing_portal.admin.access import customer_page
from billing_portal.admin.change_preview import figures, shown
from billing_portal.admin.customer_forms import CancellationForm, ChangeForm, SubscriptionForm, WithdrawalForm
from billing_portal.admin.customers import render_customer
from core import formats
from plans.exceptions import PlansError
from plans.selectors.catalogue import contracts_of, current_subscription
from plans.selectors.scheduling import (
    ChangePreview,
    change_by_key,
    change_of,
    preview_change,
    scheduled_change,
    subscriptions_of,
)
from plans.services.schedule_change import schedule_change
from plans.services.withdraw_change import withdraw_change

if TYPE_CHECKING:
    from plans.models import ScheduledChange

ADD = {
    "heading": gettext_lazy("New subscription"),
    "save_label": gettext_lazy("Save"),
    "back_label": gettext_lazy("Cancel"),
    "is_danger": False,
}
CANCEL = {
    "heading": gettext_lazy("Cancel Plan"),
    "save_label": gettext_lazy("Cancel Plan"),
    "back_label": gettext_lazy("Back"),
    "is_danger": True,
}


@require_safe
@customer_page(READ)
def customer_subscriptions(request: HttpRequest, customer: Customer) -> HttpResponse:
    rows = subscriptions_of(customer.pk)
    current = next((row for row in rows if row.ends_at is None), None)
    context = {
        "subscriptions": rows,
        "scheduled": scheduled_change(customer.pk),
        "can_cancel": current is not None and not current.plan.is_default,
        "contracts": contracts_of(customer.pk),
    }
    return render_customer(request, customer, "admin/customer_subscriptions.html", context)


@require_http_methods(["GET", "POST"])
@customer_page(MANAGE)
def customer_subscriptions_add(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Plan, start and reason; then the preview; then «Save», which is refused where the preview no longer holds."""
    data = request.POST if request.method == "POST" else None
    form = SubscriptionForm(data, customer_id=customer.pk, plan_id=request.GET.get("plan", ""))
    return _change_page(request, customer, form, ADD)


@require_http_methods(["GET", "POST"])
@customer_page(MANAGE)
def customer_subscriptions_cancel(request: HttpRequest, customer: Customer) -> HttpResponse:
    """«Cancel Plan»: the same preview and the same verb, to the plan customers begin on."""
    current = current_subscription(customer.pk)
    if request.method == "GET" and (current is None or current.plan.is_default):
        messages.info(request, gettext("There is no plan to cancel."))
        return HttpResponseRedirect(_list_url(customer))
    form = CancellationForm(request.POST if request.method == "POST" else None)
    return _change_page(request, customer, form, CANCEL)


def _change_page(request: HttpRequest, customer: Customer, form: ChangeForm, words: dict[str, Any]) -> HttpResponse:
    preview, status = None, 200
    if request.method == "POST":
        is_valid = form.is_valid()
        known = change_by_key(customer.pk, form.cleaned_data.get("key") or "")
        if known is not None:
            return _saved(request, customer, known)
        preview = _preview(customer, form) if is_valid else None
        status = 422 if preview is None else 200
    if preview is not None and "_save" in request.POST:
        if form.cleaned_data["seen"] == figures(preview):
            return _save(request, customer, form)
        status = 409
    context = {
        **words,
        "form": form,
        "title": f"{words['heading']} – {customer.name}",
        "moved": status == 409 and bool(form.cleaned_data["seen"]),
        "unseen": status == 409 and not form.cleaned_data["seen"],
        **(shown(customer, preview) if preview else {}),
    }
    return render_customer(request, customer, "admin/customer_subscriptions_add.html", context, status)


def _preview(customer: Customer, form: ChangeForm) -> ChangePreview | None:
    try:
        return preview_change(
            customer_id=customer.pk, plan=form.next_plan(), when=form.chosen_when, at=customer_now(customer)
        )
    except PlansError as error:
        form.add_error(None, error.message)
        return None


def _save(request: HttpRequest, customer: Customer, form: ChangeForm) -> HttpResponse:
    change = schedule_change(
        customer_id=customer.pk,
        plan=form.next_plan(),
        when=form.chosen_when,
        at=customer_now(customer),
        actor=staff_user(request),
        reason=form.cleaned_data["reason"],
        key=form.cleaned_data["key"] or None,
    )
    return _saved(request, customer, change)


def _saved(request: HttpRequest, customer: Customer, change: "ScheduledChange") -> HttpResponse:
    """What the first «Save» of a form has said, said again however often it is sent."""
    about = {"customer": customer.name, "plan": change.plan, "at": formats.instant(change.effective_at)}
    if change.opened_id:
        said = gettext("%(customer)s is on %(plan)s since %(at)s.") % about
    else:
        said = gettext("%(customer)s will be on %(plan)s from %(at)s.") % about
    messages.success(request, said)
    return HttpResponseRedirect(_list_url(customer))


@require_http_methods(["GET", "POST"])
@customer_page(MANAGE)
def customer_subscriptions_withdraw(request: HttpRequest, customer: Customer, change_id: int) -> HttpResponse:
    """A scheduled change does not come: the customer stays on the present plan."""
    change = change_of(customer.pk, change_id)
    if change is None:
        raise Http404
    form = WithdrawalForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        at = customer_now(customer)
        withdraw_change(change_id=change.pk, at=at, actor=staff_user(request), reason=form.cleaned_data["reason"])
        messages.success(
            request,
            gettext("%(plan)s is withdrawn: %(name)s stays on the present plan.")
            % {"plan": change.plan, "name": customer.name},
        )
        return HttpResponseRedirect(_list_url(customer))
    context = {
        "form": form,
        "change": change,
        "waits": change.status == "scheduled",
        "title": gettext("Withdraw change – %(name)s") % {"name": customer.name},
    }
    status = 422 if request.method == "POST" else 200
    return render_customer(request, customer, "admin/customer_subscriptions_withdraw.html", context, status)


def _list_url(customer: Customer) -> str:
    return reverse("admin:customer_subscriptions", args=[customer.key])
