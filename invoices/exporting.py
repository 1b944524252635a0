"""Invoices as a table, for files that staff take away."""

from typing import TYPE_CHECKING

from django.db.models import Case, F, Value, When
from django.db.models.functions import Abs

from accounts.exporting import Amount

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from invoices.models import Invoice

INVOICE_COLUMNS = (
    *("number", "customer__key", "customer__name", "kind", "status", "currency", "collection"),
    *("billing_on", "period_start", "period_end", "issued_on", "due_on", "paid_at", "voided_at"),
    *(Amount("subtotal"), Amount("tax"), Amount("total"), Amount("credits")),
    *(Amount("amount_paid"), Amount("amount_credited"), Amount("left"), "key"),
)


def with_amount_due(rows: "QuerySet[Invoice]") -> "QuerySet[Invoice]":
    """With `left`: what `Invoice.amount_due` says, minor units; of a credit note below zero, as its total."""
    left = Abs(F("total")) - F("amount_paid") - F("amount_credited")
    due = Case(When(status="void", then=Value(0)), When(kind="credit_note", then=-left), default=left)
    return rows.annotate(left=due)
