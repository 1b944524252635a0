"""Requests for corrected invoices: what can be asked for, and how one stands in a word."""

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from invoices.models import CorrectionRequest, CorrectionStatus, Invoice, InvoiceKind, InvoiceStatus
from invoices.showing import Badge

OFFERED = 240  # twenty years of months
SHOWN = 5


def correctable(customer_id: int) -> QuerySet[Invoice]:
    """A customer's issued invoices that were not voided, newest first."""
    issued = Invoice.objects.filter(customer_id=customer_id, kind=InvoiceKind.INVOICE, number__isnull=False)
    return issued.exclude(status=InvoiceStatus.VOID).order_by("-billing_on", "-pk")


def latest_corrections(customer_id: int) -> list[tuple[CorrectionRequest, Badge]]:
    """The last few requests, newest first. One query."""
    return [(row, state(row)) for row in corrections_of(customer_id)[:SHOWN]]


def corrections_of(customer_id: int) -> "QuerySet[CorrectionRequest]":
    """Every request, newest first, with its invoice."""
    return CorrectionRequest.objects.filter(customer_id=customer_id).select_related("invoice").order_by("-pk")


def open_corrections(limit: int) -> list[CorrectionRequest]:
    """Those that nobody has answered, the oldest first."""
    rows = CorrectionRequest.objects.open().select_related("customer", "invoice")
    return list(rows.order_by("pk")[:limit])


def state(request: CorrectionRequest) -> Badge:
    """As the customer reads it."""
    if request.status == CorrectionStatus.OPEN:
        return Badge(_("Being looked at"), "info")
    is_corrected = request.status == CorrectionStatus.CORRECTED
    return Badge(_("Corrected"), "success") if is_corrected else Badge(_("Not corrected"), "neutral")
