"""Staff give money back: «Credit note» from an invoice, «Refund» from a payment, «Pay out» what is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext, pgettext
from django.views.decorators.http import require_http_methods

from accounts.access import customer_now
from accounts.roles import MANAGE
from accounts.staff import render_staff, staff_page, staff_user
from core import formats
from core.periods import utc_day
from invoices.admin_crediting_forms import CreditForm, GivingBackForm, PayOutForm, RefundForm
from invoices.creditable import Creditable, read_creditable
from invoices.exceptions import InvoiceMovedError, InvoicesError, NotRefundableError
from invoices.models import Invoice, Payment, Refund
from invoices.previewing_notes import NotePreview, preview_note
from invoices.refunding import check_payment, refundable_payments
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.pay_out_credit_note import pay_out_credit_note
from invoices.services.refund_payment import refund_payment
from invoices.showing_notes import preview_texts
from invoices.spreading import left_of, left_on, open_notes

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@get_or_post
@staff_page(MANAGE)
def invoice_credit(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """What is given back and why; then the preview; then «Issue credit note», refused where that no longer holds."""
    invoice = _invoice(invoice_id)
    found = read_creditable(invoice)
    form = CreditForm(request.POST or None, found=found)

    def issue() -> Invoice:
        memo = form.cleaned_data["memo"]
        return issue_credit_note(invoice_id=invoice.pk, wanted=form.wanted, memo=memo, **_who(request, invoice, form))

    turn = _turn(request, form, found, issue)
    if turn.note is not None:
        return _issued(request, turn.note)
    context = {**_shown(found, form, turn), "title": gettext("Credit note for %(number)s") % {"number": invoice.number}}
    return render_staff(request, "admin/invoices/credit_note.html", context, turn.status)


@get_or_post
@staff_page(MANAGE)
def payment_refund(request: HttpRequest, payment_id: int) -> HttpResponse:
    """How much of a payment goes back to its card; a credit note of its invoice goes with it."""
    payment = Payment.objects.select_related("invoice__customer", "payment_method").filter(pk=payment_id).first()
    if payment is None:
        raise Http404
    found = read_creditable(payment.invoice)
    left = left_of(payment, payment.refunds.all())
    form = RefundForm(request.POST or None, payment=payment, most=max(min(left, found.money), 0))

    def issue() -> Invoice:
        amount = form.cleaned_data["amount"]
        return refund_payment(payment_id=payment.pk, amount=amount, **_who(request, payment.invoice, form))

    turn = _turn(request, form, found, issue, lambda: check_payment(payment, form.cleaned_data["amount"]))
    if turn.note is not None:
        return _issued(request, turn.note)
    kept = [note for note in open_notes([payment.customer_id]) if note.currency == payment.currency]
    context = {
        **_shown(found, form, turn),
        "payment": payment,
        "left": left,
        "open_notes": kept,
        "title": _title(payment),
    }
    return render_staff(request, "admin/invoices/credit_refund.html", context, turn.status)


def _title(payment: Payment) -> str:
    if not payment.receipt_number:
        return pgettext("noun", "Refund")
    return gettext("Refund of %(document)s") % {"document": payment.receipt_number}


@get_or_post
@staff_page(MANAGE)
def invoice_pay_out(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """What is kept on a credit note goes to a card, or staff say that they transferred it."""
    note = _invoice(invoice_id)
    if not note.is_credit_note or not note.number:
        raise NotRefundableError(
            f"document {note.pk} is no credit note", message=gettext("Only a credit note is paid out.")
        )
    left, at = left_on(note, note.refunds.all()), customer_now(note.customer)
    payments = refundable_payments(note.customer_id, note.currency)
    form = PayOutForm(request.POST or None, payments=payments, currency=note.currency, left=left, today=utc_day(at))
    if request.method == "POST" and form.is_valid():
        try:
            refund = _pay_out(request, note, form, at)
        except InvoicesError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _paid_out(refund, note))
            return HttpResponseRedirect(_document_url(note))
    context = {
        "note": note,
        "total": -note.total,
        "left": left,
        "form": form,
        "title": gettext("Pay out %(number)s") % {"number": note.number},
    }
    return render_staff(request, "admin/invoices/credit_pay_out.html", context, 422 if form.is_bound else 200)


def _paid_out(refund: "Refund", note: Invoice) -> str:
    about = {"amount": formats.money(refund.amount, refund.currency), "number": note.number}
    if refund.payment_id:
        return gettext("%(amount)s of %(number)s is on its way to the card.") % about
    return gettext("%(amount)s of %(number)s is recorded as paid out.") % about


def _pay_out(request: HttpRequest, note: Invoice, form: PayOutForm, at: datetime) -> Refund:
    values = form.cleaned_data
    return pay_out_credit_note(
        note_id=note.pk,
        to=form.destination,
        amount=values["amount"],
        key=values["key"],
        at=at,
        actor=staff_user(request),
        reason=values["reason"],
    )


# --- preview, then issue ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Turn:
    """What came of a request: the note that is issued, or the page to show."""

    status: int = 200
    note: Invoice | None = None
    preview: NotePreview | None = None
    moved: bool = False


def _turn(
    request: HttpRequest,
    form: GivingBackForm,
    found: Creditable,
    issue: Callable[[], Invoice],
    check: Callable[[], None] = lambda: None,
) -> Turn:
    """Nothing is issued that was not seen."""
    if request.method != "POST":
        return Turn()
    if not form.is_valid():
        return Turn(422)
    wants, seen = "_save" in request.POST, bool(form.cleaned_data["seen"])
    try:
        if wants and seen:
            return Turn(note=issue())
        check()
        return Turn(409 if wants else 200, preview=_preview(form, found))
    except InvoiceMovedError:
        return _moved(form, found)
    except InvoicesError as error:
        return _refused(form, error)


def _moved(form: GivingBackForm, found: Creditable) -> Turn:
    """The preview again, as it is now."""
    try:
        return Turn(409, preview=_preview(form, read_creditable(_invoice(found.invoice.pk))), moved=True)
    except InvoicesError as error:
        return _refused(form, error)


def _refused(form: GivingBackForm, error: InvoicesError) -> Turn:
    if isinstance(form, CreditForm):
        form.blame()
    if not form.errors:
        form.add_error(None, error.message)
    return Turn(422)


def _preview(form: GivingBackForm, found: Creditable) -> NotePreview:
    return preview_note(found=found, wanted=form.wanted, at=customer_now(found.invoice.customer))


def _who(request: HttpRequest, invoice: Invoice, form: GivingBackForm) -> dict[str, Any]:
    values = form.cleaned_data
    return {
        "at": customer_now(invoice.customer),
        "actor": staff_user(request),
        "reason": values["reason"],
        "key": values["key"],
        "seen": values["seen"],
    }


def _shown(found: Creditable, form: GivingBackForm, turn: Turn) -> dict[str, Any]:
    return {
        "invoice": found.invoice,
        "found": found,
        "form": form,
        "moved": turn.moved,
        "unseen": turn.status == 409 and not turn.moved,
        **(preview_texts(turn.preview, found.invoice.currency) if turn.preview else {}),
    }


def _issued(request: HttpRequest, note: Invoice) -> HttpResponse:
    messages.success(
        request,
        gettext("Credit note %(number)s over %(amount)s is issued.")
        % {"number": note.number, "amount": formats.money(-note.total, note.currency)},
    )
    return HttpResponseRedirect(_document_url(note))


def _document_url(invoice: Invoice) -> str:
    return reverse("admin:invoices_invoice_change", args=[invoice.pk])


def _invoice(invoice_id: int) -> Invoice:
    invoice = Invoice.objects.select_related("customer").filter(pk=invoice_id).first()
    if invoice is None:
        raise Http404
    return invoice


urlpatterns = [
    path("<int:invoice_id>/credit/", invoice_credit, name="invoices_invoice_credit"),
    path("<int:invoice_id>/pay-out/", invoice_pay_out, name="invoices_invoice_pay_out"),
    path("payments/<int:payment_id>/refund/", payment_refund, name="invoices_payment_refund"),
]
