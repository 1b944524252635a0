"""What staff do with one document: issue a draft early, mark paid outside, void, write off.

Each is a form that says what will happen, asks why, and carries what was seen: where that has moved it is refused with
409 and the new figures. A form sent twice is answered as the first time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.access import customer_now
from accounts.models import User
from accounts.roles import MANAGE
from accounts.selectors import default_payment_methods, recipients
from accounts.staff import render_staff, staff_page, staff_user
from core import formats
from core.periods import utc_day
from invoices.admin_forms import ActionForm, OutsidePaymentForm
from invoices.admin_showing import find_invoice
from invoices.exceptions import InvoicesError
from invoices.models import Invoice, InvoiceStatus, OutsideMethod
from invoices.rules import refusal
from invoices.services.issue_early import issue_early
from invoices.services.record_outside_payment import record_outside_payment
from invoices.services.void_invoice import void_invoice
from invoices.services.write_off_invoice import write_off_invoice
from invoices.spreading import kept_for, open_notes

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

DONE = 303
OUTSIDE_METHODS = {str(method): method for method in OutsideMethod}


@dataclass(frozen=True)
class Action:
    """One page: `rule` is its name in invoices/rules.py; `carry_out` calls the verb and answers what to tell; `is_done`
    says that this form did it before."""

    title: "_StrOrPromise"
    button: "_StrOrPromise"
    template: str
    rule: str
    carry_out: Callable[[Invoice, Any, datetime, User], str]
    is_done: Callable[[Invoice, Any], bool]
    form: type[ActionForm] = ActionForm
    is_danger: bool = False


def _issue(invoice: Invoice, form: ActionForm, at: datetime, actor: User) -> str:
    reason = form.cleaned_data["reason"]
    issued = issue_early(invoice_id=invoice.pk, total=invoice.total, at=at, actor=actor, reason=reason)
    return gettext("%(number)s is issued.") % {"number": issued.number}


def _void(invoice: Invoice, form: ActionForm, at: datetime, actor: User) -> str:
    void_invoice(invoice_id=invoice.pk, at=at, actor=actor, reason=form.cleaned_data["reason"])
    return gettext("%(number)s is void.") % {"number": invoice.number}


def _write_off(invoice: Invoice, form: ActionForm, at: datetime, actor: User) -> str:
    write_off_invoice(invoice_id=invoice.pk, at=at, actor=actor, reason=form.cleaned_data["reason"])
    return gettext("%(number)s is written off.") % {"number": invoice.number}


def _paid_outside(invoice: Invoice, form: OutsidePaymentForm, at: datetime, actor: User) -> str:
    values = form.cleaned_data
    payment = record_outside_payment(
        invoice_id=invoice.pk,
        key=values["key"],
        amount=form.minor,
        received_on=values["received_on"],
        method=OUTSIDE_METHODS[values["method"]],
        reference=values["reference"],
        at=at,
        actor=actor,
        reason=values["reason"],
    )
    return gettext("%(amount)s recorded. Receipt %(receipt_number)s.") % {
        "amount": formats.money(payment.amount, payment.currency),
        "receipt_number": payment.receipt_number,
    }


def _has_this_payment(invoice: Invoice, form: ActionForm) -> bool:
    key = form.cleaned_data["key"]
    return any(payment.key.endswith(f":outside:{key}") for payment in invoice.payments.all())


ISSUE = Action(
    title=gettext_lazy("Issue now"),
    button=gettext_lazy("Issue now"),
    template="admin/invoices/issue.html",
    rule="issue",
    carry_out=_issue,
    is_done=lambda invoice, form: invoice.number is not None,
)
VOID = Action(
    title=pgettext_lazy("action", "Void"),
    button=gettext_lazy("Void invoice"),
    template="admin/invoices/void.html",
    rule="void",
    carry_out=_void,
    is_done=lambda invoice, form: bool(invoice.status == InvoiceStatus.VOID and invoice.number),
    is_danger=True,
)
WRITE_OFF = Action(
    title=gettext_lazy("Write off"),
    button=gettext_lazy("Write off"),
    template="admin/invoices/write_off.html",
    rule="write_off",
    carry_out=_write_off,
    is_done=lambda invoice, form: invoice.status == InvoiceStatus.UNCOLLECTIBLE,
    is_danger=True,
)
PAID_OUTSIDE = Action(
    title=gettext_lazy("Mark paid outside"),
    button=gettext_lazy("Record payment"),
    template="admin/invoices/paid_outside.html",
    rule="paid_outside",
    carry_out=_paid_outside,
    is_done=_has_this_payment,
    form=OutsidePaymentForm,
)


def _act(request: HttpRequest, pk: int, action: Action) -> HttpResponse:
    invoice = find_invoice(pk)
    at = customer_now(invoice.customer)
    form = action.form(request.POST if request.method == "POST" else None, invoice=invoice, today=utc_day(at))
    status, is_stale = 422 if form.is_bound else 200, False
    if form.is_bound and form.is_valid():
        is_stale = form.is_stale and not action.is_done(invoice, form)
        status = 409 if is_stale else _carry_out(request, invoice, action, form, at)
        if status == DONE:
            return HttpResponseRedirect(reverse("admin:invoices_invoice_change", args=[invoice.pk]), status=DONE)
    if is_stale:
        form = _renewed(request, action, invoice, at)
    return render_staff(request, action.template, _context(action, invoice, form, is_stale=is_stale), status)


def _carry_out(request: HttpRequest, invoice: Invoice, action: Action, form: ActionForm, at: datetime) -> int:
    """DONE where the verb did it, or had done it; else the status of its refusal, which the form says then."""
    try:
        told = action.carry_out(invoice, form, at, staff_user(request))
    except InvoicesError as error:
        form.add_error(None, error.message)
        return error.status
    messages.success(request, told)
    return DONE


def _renewed(request: HttpRequest, action: Action, invoice: Invoice, at: datetime) -> ActionForm:
    """The same answers beside the figures of now."""
    form = action.form(None, invoice=invoice, today=utc_day(at))
    answers = {name: request.POST.get(name, "") for name in form.fields if name not in ("seen", "amount")}
    form.initial = {**form.initial, **answers}
    return form


def _context(action: Action, invoice: Invoice, form: ActionForm, *, is_stale: bool) -> dict[str, Any]:
    name = invoice.number or gettext("Draft")
    return {
        "action": action,
        "invoice": invoice,
        "form": form,
        "is_stale": is_stale,
        "is_ahead": invoice.billing_on > form.today,
        "refusal": refusal(action.rule, invoice, form.today),
        "card": default_payment_methods([invoice.customer_id]).get(invoice.customer_id),
        "to": recipients([invoice.customer_id])[invoice.customer_id],
        "kept": kept_for(invoice.customer_id, open_notes([invoice.customer_id]), invoice.currency, invoice.total)
        if invoice.number is None
        else 0,
        "title": f"{action.title} – {name}",
    }


# --- the pages --------------------------------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(MANAGE)
def invoice_issue(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, ISSUE)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(MANAGE)
def invoice_void(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, VOID)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(MANAGE)
def invoice_write_off(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, WRITE_OFF)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(MANAGE)
def invoice_paid_outside(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(request, pk, PAID_OUTSIDE)


urlpatterns = [
    path("<int:pk>/issue/", invoice_issue, name="invoices_invoice_issue"),
    path("<int:pk>/void/", invoice_void, name="invoices_invoice_void"),
    path("<int:pk>/write-off/", invoice_write_off, name="invoices_invoice_write_off"),
    path("<int:pk>/paid-outside/", invoice_paid_outside, name="invoices_invoice_paid_outside"),
]
