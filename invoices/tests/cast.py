"""Drafts to test with: documents made by hand, as plans would hand them down."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from accounts.gateways.base import JournalEntry, Outcome
from accounts.gateways.sandbox import SandboxGateway
from accounts.models import Customer
from core.periods import Period, midnight
from invoices.lines import InvoiceDraft, LineDraft
from invoices.models import Invoice, Payment
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.record_payment import record_payment

BILLING_ON = date(2026, 10, 20)
NUMBERS = count(1)
SUCCEEDED = Outcome("succeeded")


def line(amount: int, key: str | None = None, **values) -> LineDraft:
    defaults: dict[str, Any] = {
        "key": key or f"line:{next(NUMBERS)}",
        "kind": "fee",
        "title": "Plus monthly fee",
        "detail": "$49.00 × 30 of 30 days",
        "starts_at": midnight(date(2026, 9, 20)),
        "ends_at": midnight(date(2026, 10, 20)),
        "quantity": Decimal(1),
        "amount": amount,
    }
    return LineDraft(**(defaults | values))


def usage_line(amount: int = 235, **values) -> LineDraft:
    defaults: dict[str, Any] = {
        "kind": "usage",
        "title": "API requests",
        "detail": "(12,345 − 10,000 included) × $1.00 per 1,000 requests",
        "starts_at": datetime(2026, 9, 17, tzinfo=UTC),
        "ends_at": datetime(2026, 10, 17, tzinfo=UTC),
        "quantity": Decimal(12345),
        "unit_amount": Decimal("1.00"),
        "per_units": 1000,
        "feature_key": "api-requests",
    }
    return line(amount, **(defaults | values))


def draft(customer: Customer, *amounts: int, key: str | None = None, **values) -> InvoiceDraft:
    defaults: dict[str, Any] = {
        "key": key or f"draft:{next(NUMBERS)}",
        "customer_id": customer.pk,
        "currency": "USD",
        "billing_on": BILLING_ON,
        "period": Period(date(2026, 9, 20), BILLING_ON),
        "lines": tuple(line(amount) for amount in amounts),
    }
    return InvoiceDraft(**(defaults | values))


def calculated(customer: Customer, *amounts: int, **values) -> Invoice:
    """A draft made three days before its billing date."""
    made = draft(customer, *(amounts or (4900,)), **values)
    [invoice] = draft_invoices(drafts=[made], at=midnight(made.billing_on) - timedelta(days=3))
    return invoice


def open_invoice(customer: Customer, *amounts: int, at: datetime | None = None, **values) -> Invoice:
    """An invoice issued on its billing date."""
    invoice = calculated(customer, *amounts, **values)
    [issued] = finalize_invoices(invoice_ids=[invoice.pk], at=at or midnight(invoice.billing_on))
    return issued


def paid_with(payment_id: int, at: datetime, outcome: Outcome = SUCCEEDED) -> Payment:
    """What record_payment makes of an answer of the gateway."""
    return record_payment(payment_id=payment_id, outcome=outcome, at=at)


def journal() -> list[JournalEntry]:
    """The processor's own books."""
    return list(
        SandboxGateway().journal(since=datetime(2000, 1, 1, tzinfo=UTC), until=datetime(2100, 1, 1, tzinfo=UTC))
    )


def charges() -> list[tuple[str, str]]:
    """(our key, what became of it) of every charge the processor was asked for."""
    return [(line.key, line.status) for line in journal() if line.kind == "charge"]


def refunds_made() -> list[tuple[str, int]]:
    """(our key, amount) of every refund the processor made."""
    return [(line.key, line.amount) for line in journal() if line.kind == "refund"]
