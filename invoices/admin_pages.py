"""Staff's page of one document and of one payment, the stored PDFs, and «Send again»."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import customer_now
from accounts.roles import READ, SUPPORT
from accounts.selectors import recipients
from accounts.staff import render_staff, staff_page, staff_user
from core.clock import now
from core.periods import utc_day
from invoices.admin_actions import urlpatterns as action_urls
from invoices.admin_forms import SendForm
from invoices.admin_showing import (
    allowed_actions,
    find_invoice,
    find_payment,
    invoice_context,
    payment_context,
    story,
)
from invoices.einvoice import data_of
from invoices.exceptions import InvoicesError
from invoices.models import Document, DocumentKind, Invoice
from invoices.services.send_again import send_again
from invoices.showing import receipts
from invoices.views_documents import as_file, attached


@require_safe
@staff_page(READ)
def invoice_page(request: HttpRequest, pk: str) -> HttpResponse:
    """A draft, an invoice or a credit note: the document, its money, and who did what."""
    invoice = find_invoice(pk)
    today, told = utc_day(customer_now(invoice.customer)), story(invoice)
    context = {
        **invoice_context(invoice, today, told.corrections),
        "story": told,
        "actions": allowed_actions(invoice, today),
    }
    return render_staff(request, "admin/invoices/invoice.html", context)


@require_safe
@staff_page(READ)
def payment_page(request: HttpRequest, pk: str) -> HttpResponse:
    """One attempt to pay, or money from outside: what was asked, what came of it, and what went back."""
    return render_staff(request, "admin/invoices/payment.html", payment_context(find_payment(pk)))


@require_safe
@staff_page(READ)
def document_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    """The PDF as it is kept; of an invoice or a receipt."""
    document = Document.objects.filter(pk=pk, invoice__isnull=False).first()
    if document is None:
        raise Http404
    return attached(document)


@require_safe
@staff_page(READ)
def invoice_xml(request: HttpRequest, pk: int) -> HttpResponse:
    """The data of an issued document; 404 where there is none, for the reason its page says."""
    invoice = find_invoice(pk)
    document = Document.objects.filter(invoice=invoice, kind=DocumentKind.INVOICE).first()
    xml = data_of(invoice, document.content if document else None) if invoice.number else None
    if xml is None:
        raise Http404
    return as_file(xml, f"{invoice.number}.xml", "application/xml")


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(SUPPORT)
def invoice_send_again(request: HttpRequest, pk: int) -> HttpResponse:
    """The mail of the document or of a receipt once more, to whoever gets the customer's mail."""
    invoice = find_invoice(pk)
    form = SendForm(request.POST if request.method == "POST" else None, choices=_messages_of(invoice))
    status = 422 if request.method == "POST" else 200
    if form.is_bound and form.is_valid():
        try:
            return _send(request, invoice, form.cleaned_data)
        except InvoicesError as error:
            form.add_error(None, error.message)
            status = error.status
    to = recipients([invoice.customer_id])[invoice.customer_id]
    context = {"invoice": invoice, "form": form, "title": gettext("Send again"), "to": to}
    return render_staff(request, "admin/invoices/send_again.html", context, status)


def _messages_of(invoice: Invoice) -> list[tuple[str, str]]:
    if invoice.number is None:
        return []
    kind = gettext("Credit note %(number)s") if invoice.is_credit_note else gettext("Invoice %(number)s")
    return [
        ("document", kind % {"number": invoice.number}),
        *(
            (str(payment.pk), gettext("Receipt %(receipt_number)s") % {"receipt_number": payment.receipt_number})
            for payment in receipts(invoice)
        ),
    ]


def _send(request: HttpRequest, invoice: Invoice, values: dict[str, Any]) -> HttpResponse:
    notice = send_again(
        invoice_id=invoice.pk,
        payment_id=None if values["what"] == "document" else int(values["what"]),
        also=values["also"],
        at=customer_now(invoice.customer),
        asked_at=now(),
        actor=staff_user(request),
    )
    messages.success(request, gettext("On its way to %(names)s.") % {"names": ", ".join(notice.to)})
    return HttpResponseRedirect(reverse("admin:invoices_invoice_change", args=[invoice.pk]), status=303)


urlpatterns = [
    *action_urls,
    path("<int:pk>/send-again/", invoice_send_again, name="invoices_invoice_send_again"),
    path("<int:pk>/invoice.xml", invoice_xml, name="invoices_invoice_xml"),
    path("documents/<int:pk>/", document_pdf, name="invoices_invoice_document"),
]
