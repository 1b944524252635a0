"""Missing PDFs are rendered once and kept with their hash."""

import hashlib
import logging
from collections.abc import Callable, Collection
from datetime import datetime
from typing import TypeVar

from invoices.due import due_to_deliver, statements_to_deliver, voids_to_deliver
from invoices.models import CreditStatement, Document, DocumentKind, Invoice, Payment
from invoices.pdf import available, invoice_pdf, receipt_pdf, statement_pdf, void_pdf

logger = logging.getLogger(__name__)

Row = TypeVar("Row", Invoice, Payment, CreditStatement)


def deliver_documents(
    *, at: datetime, limit: int = 200, invoice_ids: Collection[int] | None = None, customer_id: int | None = None
) -> int:
    """How many invoices, receipts and credit statements got their PDF, and how many void documents their stamped copy;
    with ids of invoices only theirs and their receipts' PDFs, with `customer_id` only that customer's. 0 where PDFs
    cannot be made here.

    Rendering is outside any transaction; of two workers that render the same one, the first is kept. One document
    that fails is logged and does not hold up the others.
    """
    if available():
        return 0
    due_ids, payment_ids = due_to_deliver(invoice_ids, customer_id)
    statement_ids = statements_to_deliver(customer_id) if invoice_ids is None else []
    void_ids = voids_to_deliver(customer_id) if invoice_ids is None else []
    if not (due_ids or payment_ids or statement_ids or void_ids):
        return 0
    invoices = Invoice.objects.filter(pk__in=due_ids[:limit]).prefetch_related("lines")
    payments = Payment.objects.filter(pk__in=payment_ids[:limit]).select_related("invoice", "payment_method")
    statements = CreditStatement.objects.filter(pk__in=statement_ids[:limit])
    voids = Invoice.objects.filter(pk__in=void_ids[:limit]).prefetch_related("lines")
    done = sum(_keep(_invoice, invoice, at) for invoice in invoices.iterator(50))
    done += sum(_keep(_receipt, payment, at) for payment in payments.iterator(50))
    done += sum(_keep(_void, invoice, at) for invoice in voids.iterator(50))
    return done + sum(_keep(_statement, statement, at) for statement in statements.iterator(50))


def _keep(make: Callable[[Row, datetime], Document], row: Row, at: datetime) -> int:
    try:
        document = make(row, at)
    except Exception:
        logger.exception("%s could not be rendered; the next tick tries again", row)
        return 0
    document.sha256 = hashlib.sha256(document.content).hexdigest()
    Document.objects.bulk_create([document], ignore_conflicts=True)
    return 1


def _invoice(invoice: Invoice, at: datetime) -> Document:
    return Document(
        kind=DocumentKind.INVOICE,
        invoice=invoice,
        filename=f"{invoice.number}.pdf",
        content=invoice_pdf(invoice),
        created_at=at,
    )


def _void(invoice: Invoice, at: datetime) -> Document:
    return Document(
        kind=DocumentKind.VOID,
        invoice=invoice,
        filename=f"{invoice.number}-void.pdf",
        content=void_pdf(invoice),
        created_at=at,
    )


def _receipt(payment: Payment, at: datetime) -> Document:
    return Document(
        kind=DocumentKind.RECEIPT,
        invoice=payment.invoice,
        payment=payment,
        filename=f"{payment.receipt_number}.pdf",
        content=receipt_pdf(payment),
        created_at=at,
    )


def _statement(statement: CreditStatement, at: datetime) -> Document:
    return Document(
        kind=DocumentKind.STATEMENT,
        statement=statement,
        filename=f"credit-statement-{statement.period_end:%Y-%m-%d}-{statement.public_id}.pdf",
        content=statement_pdf(statement),
        created_at=at,
    )
