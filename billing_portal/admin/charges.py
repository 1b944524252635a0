"""«Add a charge» to a customer, never without its preview; and taking it back before it is billed."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import customer_now
from accounts.models import Customer
from accounts.roles import MANAGE
from accounts.staff import render_staff, staff_page, staff_user
from billing_portal.admin.access import customer_page
from billing_portal.admin.charge_forms import ChargeForm
from billing_portal.admin.credit_forms import ReasonForm
from billing_portal.admin.customers import header_of, render_customer
from core import formats
from core.exceptions import RuleError
from core.periods import utc_day
from invoices.exceptions import ChargeBilledError
from invoices.hand_charges import HandCharge, charge_line
from invoices.previewing import DocumentPreview, preview_document
from invoices.selectors import line_by_key, pending_lines, tax_rules, unsettled, waiting_lines
from invoices.services.add_charge import add_charge
from invoices.services.take_back_charge import take_back_charge
from invoices.spreading import kept_for
from invoices.taxing import row_texts
from plans.selectors import current_subscription

if TYPE_CHECKING:
    from invoices.models import Invoice, InvoiceLine
    from plans.models import Subscription

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
FOUND = 20


@dataclass(frozen=True, slots=True)
class ChargePreview:
    """What comes of a charge. `document` is the invoice that is made now, `kept` what credit notes take off it; both
    None and 0 where the charge waits."""

    charge: HandCharge
    document: DocumentPreview | None = None
    kept: int = 0

    @property
    def total(self) -> int | None:
        """As `add_charge` takes it."""
        return self.document.totals.total if self.document else None

    @property
    def seen(self) -> str:
        """What «Add» carries."""
        charge = self.charge
        return f"{charge.currency}:{charge.amount}:{charge.period.start}:{charge.period.end}:{self.total}:{self.kept}"


@get_or_post
@customer_page(MANAGE)
def customer_invoices_charge(request: HttpRequest, customer: Customer) -> HttpResponse:
    """The charge; then the preview; then «Add charge», which is refused where the preview no longer holds."""
    at, subscription = customer_now(customer), current_subscription(customer.pk)
    form = _form(customer, subscription, request.POST if request.method == "POST" else None, at)
    preview, status, is_stale = None, 422 if form.is_bound else 200, False
    if form.is_bound and form.is_valid():
        charge = form.charge(customer.pk)
        known = line_by_key(customer.pk, charge.line_key)
        if known is not None:
            return _done(request, customer, known)
        preview, status = _preview(charge, at, is_now=form.is_now), 200
        if "_save" in request.POST:
            is_stale, status = form.cleaned_data["seen"] != preview.seen, 409
            added = None if is_stale else _add(request, form, preview, at)
            if added is not None:
                return _done(request, customer, added)
    context = {
        "form": form,
        "preview": preview,
        "is_stale": is_stale,
        "title": gettext("Add a charge – %(name)s") % {"name": customer.name},
    }
    context |= _next_invoice(customer, subscription) | (_shown(preview) if preview else {})
    header = header_of(customer, at, subscription)
    return render_customer(request, customer, "admin/charges/add.html", context, status, header=header)


def _form(customer: Customer, subscription: "Subscription | None", data: Any, at: datetime) -> ChargeForm:
    currency = customer.currency or (subscription.plan.currency if subscription else "")
    return ChargeForm(data, currency=currency, is_fixed=bool(customer.currency), today=utc_day(at))


def _preview(charge: HandCharge, at: datetime, *, is_now: bool) -> ChargePreview:
    if not is_now:
        return ChargePreview(charge)
    today = utc_day(at)
    document = preview_document(
        customer_id=charge.customer_id,
        currency=charge.currency,
        lines=(charge_line(charge, today), *pending_lines(charge.customer_id, charge.currency)),
        rule=tax_rules([charge.customer_id])[charge.customer_id],
        billing_on=today,
        at=at,
    )
    notes = unsettled(charge.customer_id).notes
    return ChargePreview(charge, document, kept_for(charge.customer_id, notes, charge.currency, document.totals.total))


def _add(request: HttpRequest, form: ChargeForm, preview: ChargePreview, at: datetime) -> "InvoiceLine | None":
    """The line; None where a rule refuses, which the form says then."""
    reason = form.cleaned_data["reason"]
    try:
        return add_charge(charge=preview.charge, total=preview.total, at=at, actor=staff_user(request), reason=reason)
    except RuleError as error:
        form.add_error(None, error.message)
        return None


def _done(request: HttpRequest, customer: Customer, line: "InvoiceLine") -> HttpResponse:
    amount = formats.money(line.amount, line.currency)
    if line.invoice is None:
        messages.success(
            request,
            gettext("“%(title)s”, %(amount)s, waits for the next invoice.") % {"title": line.title, "amount": amount},
        )
        return _to_tab(customer)
    said = {"title": line.title, "amount": amount, "number": line.invoice.number}
    if line.invoice.number:
        messages.success(request, gettext("“%(title)s”, %(amount)s, is on %(number)s.") % said)
    else:
        messages.success(request, gettext("“%(title)s”, %(amount)s, is on the draft.") % said)
    return HttpResponseRedirect(reverse("admin:invoices_invoice_change", args=[line.invoice_id]), status=303)


def _to_tab(customer: Customer) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:customer_invoices", args=[customer.key]), status=303)


def _next_invoice(customer: Customer, subscription: "Subscription | None") -> dict[str, Any]:
    """When the next invoice comes, and the draft that is announced already and stays as it is."""
    drafts: list[Invoice] = unsettled(customer.pk).drafts
    on: date | None = subscription.next_billing_on if subscription else None
    return {"next_on": on, "drafts": drafts}


def _shown(preview: ChargePreview) -> dict[str, Any]:
    document, currency = preview.document, preview.charge.currency
    if document is None:
        return {"currency": currency}
    return {
        "currency": currency,
        "taxes": row_texts(document.totals.taxes, currency),
        "credits": sum(document.credits.values()),
        "due": document.totals.total - preview.kept,
    }


@get_or_post
@customer_page(MANAGE)
def customer_invoices_take_back(request: HttpRequest, customer: Customer, line_id: int) -> HttpResponse:
    """Undoes a charge that waits, by a second line."""
    row = next((row for row in waiting_lines(customer.pk) if row.line.pk == line_id), None)
    if row is None and request.method == "POST":  # billed since the page was shown
        messages.warning(request, ChargeBilledError.message)
        return _to_tab(customer)
    if row is None:
        raise Http404
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        at, reason = customer_now(customer), form.cleaned_data["reason"]
        try:
            take_back_charge(line_id=row.line.pk, at=at, actor=staff_user(request), reason=reason)
        except RuleError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, gettext("“%(title)s” is taken back.") % {"title": row.line.title})
            return _to_tab(customer)
    context = {
        "form": form,
        "line": row.line,
        "title": gettext("Take back a charge – %(name)s") % {"name": customer.name},
    }
    return render_customer(request, customer, "admin/charges/take_back.html", context, 422 if form.is_bound else 200)


@require_safe
@staff_page(MANAGE)
def charge_whom(request: HttpRequest) -> HttpResponse:
    """«Add a charge» from the list of invoices: first, to whom."""
    asked = request.GET.get("q", "").strip().replace("\x00", "")[:100]
    found = Customer.objects.filter(Q(name__icontains=asked) | Q(key=asked)).order_by("name", "pk")
    context = {"asked": asked, "found": list(found[:FOUND]) if asked else [], "title": gettext("Add a charge")}
    return render_staff(request, "admin/charges/whom.html", context)


INVOICES = "billing/customers/<str:key>/invoices/"
urlpatterns = [
    path(INVOICES + "charge/", customer_invoices_charge, name="customer_invoices_charge"),
    path(INVOICES + "<int:line_id>/take-back/", customer_invoices_take_back, name="customer_invoices_take_back"),
    path("billing/charge/", charge_whom, name="invoices_invoice_charge"),
]
