"""«Download invoice», «Download receipt»: the stored PDFs, never rendered by a request."""

from typing import TypedDict, Unpack

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import enter_customer
from core.nudge import nudge
from invoices.models import Document, DocumentKind, Invoice, PaymentStatus
from invoices.pdf import available
from invoices.views import find, find_payment

RETRY_SECONDS = 4


class Which(TypedDict, total=False):
    kind: str
    payment_id: int


@require_GET
@login_required
def invoice_pdf(request: HttpRequest, public_id: str) -> HttpResponse:
    invoice = find(public_id)
    enter_customer(request, invoice.customer_id)
    if invoice.number is None:
        return refused(request, invoice, "Not issued yet. The PDF is made when the invoice is issued.", 404)
    return download(request, invoice, kind=DocumentKind.INVOICE)


@require_GET
@login_required
def receipt_pdf(request: HttpRequest, public_id: str, payment_id: str) -> HttpResponse:
    invoice = find(public_id)
    enter_customer(request, invoice.customer_id)
    payment = find_payment(invoice, payment_id)
    if payment.status != PaymentStatus.SUCCEEDED:
        return refused(request, invoice, "The receipt is available after payment.", 404)
    return download(request, invoice, kind=DocumentKind.RECEIPT, payment_id=payment.pk)


def download(request: HttpRequest, invoice: Invoice, **which: Unpack[Which]) -> HttpResponse:
    """The stored document; while there is none a page that says so, tries again, and wakes the worker."""
    document = stored(invoice, **which)
    if document is None and available():
        return refused(request, invoice, f"PDF unavailable: {available()}.", 503)
    if document is None:
        nudge("billing_portal.tasks.deliver_documents")
        document = stored(invoice, **which)
    if document is None:
        return preparing(request, invoice)
    response = HttpResponse(bytes(document.content), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{document.filename}"'
    return response


def stored(invoice: Invoice, **which: Unpack[Which]) -> Document | None:
    return Document.objects.filter(invoice=invoice, **which).first()


def preparing(request: HttpRequest, invoice: Invoice) -> HttpResponse:
    response = render(request, "invoices/preparing.html", {"invoice": invoice, "wait": RETRY_SECONDS}, status=503)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


def refused(request: HttpRequest, invoice: Invoice, text: str, status: int) -> HttpResponse:
    return render(request, "invoices/no_document.html", {"invoice": invoice, "text": text}, status=status)
