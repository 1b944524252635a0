"""«Download invoice», «Download receipt», «Download e-invoice (XML)», «E-mail a copy»: the stored PDFs and their data.

No request renders a PDF."""

from collections.abc import Callable
from functools import wraps
from typing import TypedDict, Unpack, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_POST

from accounts.access import PortalRequest, customer_now, enter_customer
from core.clock import now
from core.nudge import nudge
from invoices.einvoice import data_of, missing
from invoices.models import CreditStatement, Document, DocumentKind, Invoice, PaymentStatus
from invoices.paper import document_name
from invoices.pdf import available
from invoices.services.send_copy import send_copy
from invoices.views import find, find_payment
from invoices.views_paying import see_other

RETRY_SECONDS = 4


class Which(TypedDict, total=False):
    kind: str
    payment_id: int


def issued(view: Callable[[HttpRequest, Invoice], HttpResponse]) -> Callable[[HttpRequest, str], HttpResponse]:
    """Decorates a view about one issued document, which the view gets; a draft has none yet (404)."""

    @require_GET
    @login_required
    @wraps(view)
    def page(request: HttpRequest, public_id: str) -> HttpResponse:
        invoice = find(public_id)
        enter_customer(request, invoice.customer_id)
        if invoice.number is None:
            text = gettext("Not issued yet. Documents are made when it is issued.")
            return refused(request, invoice, text, 404, title=gettext("No document yet"))
        return view(request, invoice)

    return page


@issued
def invoice_pdf(request: HttpRequest, invoice: Invoice) -> HttpResponse:
    """«Download invoice»."""
    return download(request, invoice, kind=invoice.document_kind)


@issued
def invoice_xml(request: HttpRequest, invoice: Invoice) -> HttpResponse:
    """«Download e-invoice (XML)»."""
    document = stored(invoice, kind=DocumentKind.INVOICE)
    xml = data_of(invoice, document.content if document else None)
    if xml is None:
        return refused(request, invoice, missing(invoice), 404, title=gettext("No e-invoice (XML)"))
    return as_file(xml, f"{invoice.number}.xml", "application/xml")


@require_GET
@login_required
def receipt_pdf(request: HttpRequest, public_id: str, payment_id: str) -> HttpResponse:
    invoice = find(public_id)
    enter_customer(request, invoice.customer_id)
    payment = find_payment(invoice, payment_id)
    if payment.status != PaymentStatus.SUCCEEDED:
        text = gettext("The receipt is available after payment.")
        return refused(request, invoice, text, 404, title=gettext("No receipt yet"))
    return download(request, invoice, kind=DocumentKind.RECEIPT, payment_id=payment.pk)


@require_POST
@login_required
def invoice_copy(request: HttpRequest, public_id: str) -> HttpResponse:
    """«E-mail a copy», to whoever asks: what they may download they may also get by mail."""
    invoice = find(public_id)
    customer = enter_customer(request, invoice.customer_id).customer
    notice = send_copy(
        invoice_id=invoice.pk,
        at=customer_now(customer),
        asked_at=now(),
        actor=cast("PortalRequest", request).user,
    )
    messages.success(request, gettext("A copy is on its way to %(email)s.") % {"email": ", ".join(notice.to)})
    return see_other(reverse("invoice", args=[invoice.public_id]))


@require_GET
@login_required
def statement_pdf(request: HttpRequest, public_id: str) -> HttpResponse:
    statement = get_object_or_404(CreditStatement, public_id=public_id)
    enter_customer(request, statement.customer_id)
    document = Document.objects.filter(statement=statement).first()
    if document is None and not available():
        nudge("billing_portal.tasks.deliver_documents")
        document = Document.objects.filter(statement=statement).first()
    if document is not None:
        return attached(document)
    text = unavailable() if available() else gettext("The PDF is being made. Try again in a minute.")
    response = render(request, "invoices/no_statement.html", {"text": text}, status=503)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


def attached(document: Document) -> HttpResponse:
    return as_file(bytes(document.content), document.filename, "application/pdf")


def as_file(content: bytes, filename: str, content_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def download(request: HttpRequest, invoice: Invoice, **which: Unpack[Which]) -> HttpResponse:
    """The stored document; while there is none a page that says so, asks again, and wakes the worker."""
    document = stored(invoice, **which)
    if document is None and available():
        return refused(request, invoice, unavailable(), 503)
    if document is None:
        nudge("billing_portal.tasks.deliver_documents")
        document = stored(invoice, **which)
    if document is None:
        return preparing(request, invoice)
    is_asked_again = cast("PortalRequest", request).htmx
    return HttpResponse(headers={"HX-Redirect": request.path}) if is_asked_again else attached(document)


def unavailable() -> str:
    return gettext("PDF unavailable: %(reason)s.") % {"reason": available()}


def stored(invoice: Invoice, **which: Unpack[Which]) -> Document | None:
    return Document.objects.filter(invoice=invoice, **which).first()


def preparing(request: HttpRequest, invoice: Invoice) -> HttpResponse:
    part = "#asking" if cast("PortalRequest", request).htmx else ""
    context = {"invoice": invoice, "name": document_name(invoice), "wait": RETRY_SECONDS}
    response = render(request, f"invoices/preparing.html{part}", context, status=503)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


def refused(request: HttpRequest, invoice: Invoice, text: str, status: int, *, title: str = "") -> HttpResponse:
    """A page instead of a file; without a title of its own it is the PDF that is not there."""
    context = {"invoice": invoice, "name": document_name(invoice), "title": title or gettext("No PDF"), "text": text}
    return render(request, "invoices/no_document.html", context, status=status)
