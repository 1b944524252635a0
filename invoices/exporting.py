"""Invoices and statements as tables, for files that staff and customers take away."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.db.models import Case, F, Value, When
from django.db.models.functions import Abs

from accounts.exporting import CHUNK, Amount
from core.money import to_major
from core.spreadsheet import Cell

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from invoices.models import CreditStatement, Invoice

INVOICE_COLUMNS = (
    *("number", "customer__key", "customer__name", "kind", "status", "currency", "collection"),
    *("billing_on", "period_start", "period_end", "issued_on", "due_on", "paid_at", "voided_at"),
    *(Amount("subtotal"), Amount("tax"), Amount("total"), Amount("credits")),
    *(Amount("amount_paid"), Amount("amount_credited"), Amount("left"), "key"),
)
HISTORY_AMOUNTS = ("subtotal", "tax", "total", "credits", "amount_paid", "amount_credited", "left")
HISTORY_COLUMNS = (
    *("period_from", "period_to", "number", "kind", "issued_on", "due_on", "status", "currency"),
    *HISTORY_AMOUNTS,
)
STATEMENT_COLUMNS = ("period_from", "period_to", "currency", "opening", "closing")


def with_amount_due(rows: "QuerySet[Invoice]") -> "QuerySet[Invoice]":
    """With `left`: what `Invoice.amount_due` says, minor units; of a credit note below zero, as its total."""
    left = Abs(F("total")) - F("amount_paid") - F("amount_credited")
    due = Case(When(status="void", then=Value(0)), When(kind="credit_note", then=-left), default=left)
    return rows.annotate(left=due)


def history_rows(documents: "QuerySet[Invoice]") -> Iterator[tuple[Cell, ...]]:
    """A row per document, amounts in major units, by one query that holds a chunk at a time."""
    facts = ("period_start", "period_end", "number", "kind", "issued_on", "due_on", "status", "currency")
    rows = with_amount_due(documents).values_list(*facts, *HISTORY_AMOUNTS)
    for start, end, number, kind, issued_on, due_on, status, currency, *amounts in rows.iterator(chunk_size=CHUNK):
        figures = (to_major(amount, currency) for amount in amounts)
        yield start, last_day(start, end), number, kind, issued_on, due_on, status, currency, *figures


def statement_rows(statements: "QuerySet[CreditStatement]") -> Iterator[tuple[Cell, ...]]:
    """A row per statement, amounts in major units."""
    for one in statements.iterator(chunk_size=CHUNK):
        opening, closing = (to_major(amount, one.currency) for amount in (one.opening, one.closing))
        yield one.period_start, last_day(one.period_start, one.period_end), one.currency, opening, closing


def last_day(start: date, end: date) -> date:
    """Of a half-open period the last day inside, as people read it; of an empty one its day."""
    return max(start, end - timedelta(days=1))
