"""What stands on an invoice or a receipt, as text: one source for the page, the PDF and its tests.

Every figure is written by core.formats, once; templates only place it.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from babel import Locale
from django.conf import settings

from core import formats
from core.periods import Period, Window
from invoices.models import Collection, Invoice, InvoiceLine, Payment

Party = dict[str, Any]
ENGLISH = Locale("en")


@dataclass(frozen=True, slots=True)
class PaperLine:
    """One row of the table."""

    key: str
    title: str
    detail: str
    window: str
    quantity: str
    unit_price: str
    amount: str


@dataclass(frozen=True, slots=True)
class InvoicePaper:
    """An invoice as it is printed. Statuses change later and are not printed."""

    number: str
    issued_on: str
    due_on: str
    period: str
    currency: str
    po_number: str
    terms: str
    iban: str
    seller: Party
    customer: Party
    seller_address: str
    customer_address: str
    lines: tuple[PaperLine, ...]
    subtotal: str
    tax_label: str
    tax: str
    total: str
    amount_due: str


@dataclass(frozen=True, slots=True)
class ReceiptPaper:
    """Proof of one payment; not an invoice."""

    number: str
    paid_on: str
    amount: str
    currency: str
    method: str
    reference: str
    invoice_number: str
    invoice_issued_on: str
    invoice_total: str
    amount_left: str
    seller: Party
    customer: Party
    seller_address: str
    customer_address: str


def invoice_paper(invoice: Invoice) -> InvoicePaper:
    """The document of an issued invoice: what was due when it was issued."""
    money = _money(invoice.currency)
    seller, customer = invoice.seller_party, invoice.customer_party
    return InvoicePaper(
        number=invoice.number or "",
        issued_on=formats.day(invoice.issued_on) if invoice.issued_on else "",
        due_on=formats.day(invoice.due_on) if invoice.due_on else "",
        period=formats.period(Period(invoice.period_start, invoice.period_end)),
        currency=invoice.currency,
        po_number=customer.get("po_number", ""),
        terms=_terms(invoice),
        iban="" if _is_charged(invoice) or not invoice.total else seller.get("iban", ""),
        seller=seller,
        customer=customer,
        seller_address=address(seller),
        customer_address=address(customer),
        lines=tuple(_line(line, invoice.currency) for line in invoice.lines.all()),
        subtotal=money(invoice.subtotal),
        tax_label=_tax_label(invoice),
        tax=money(invoice.tax),
        total=money(invoice.total),
        amount_due=money(invoice.total),
    )


def receipt_paper(payment: Payment) -> ReceiptPaper:
    """The receipt of a succeeded payment. What is left counts the payments up to this one."""
    invoice = payment.invoice
    money = _money(payment.currency)
    earlier = invoice.payments.filter(status=payment.status, pk__lte=payment.pk)
    left = invoice.total - sum(earlier.values_list("amount", flat=True))
    return ReceiptPaper(
        number=payment.receipt_number or "",
        paid_on=formats.day(payment.settled_at.date()) if payment.settled_at else "",
        amount=money(payment.amount),
        currency=payment.currency,
        method=str(payment.payment_method or "Paid outside the portal"),
        reference=payment.gateway_id,
        invoice_number=invoice.number or "",
        invoice_issued_on=formats.day(invoice.issued_on) if invoice.issued_on else "",
        invoice_total=money(invoice.total),
        amount_left=money(left),
        seller=invoice.seller_party,
        customer=invoice.customer_party,
        seller_address=address(invoice.seller_party),
        customer_address=address(invoice.customer_party),
    )


def address(party: Party) -> str:
    """Street, city and country, one per line, without the name."""
    city = " ".join(filter(None, (party.get("postal_code"), party.get("city"))))
    country = ENGLISH.territories.get(party.get("country", ""), party.get("country", ""))
    parts = (party.get("line1"), party.get("line2"), city, party.get("region"), country)
    return "\n".join(part for part in parts if part)


def _line(line: InvoiceLine, currency: str) -> PaperLine:
    return PaperLine(
        key=line.key,
        title=line.title,
        detail=line.detail,
        window=formats.window(Window(line.starts_at, line.ends_at)),
        quantity=formats.quantity(line.quantity),
        unit_price=_unit_price(line.unit_amount, line.per_units, currency),
        amount=formats.money(line.amount, currency),
    )


def _unit_price(unit_amount: Decimal | None, per_units: int, currency: str) -> str:
    """`$1.00 per 1,000`; the unit itself is named by the line."""
    if unit_amount is None:
        return ""
    price = formats.price(unit_amount, currency)
    return price if per_units == 1 else f"{price} per {formats.quantity(per_units)}"


def _tax_label(invoice: Invoice) -> str:
    """`VAT 20 % of $51.35`; empty where the table names no tax."""
    if not invoice.tax_label:
        return ""
    percent = formats.quantity(invoice.tax_percent)
    return f"{invoice.tax_label} {percent} % of {formats.money(invoice.subtotal, invoice.currency)}"


def _terms(invoice: Invoice) -> str:
    """How it was to be paid when it was issued, whatever happened since."""
    if not invoice.total:
        return "Nothing to pay."
    if invoice.due_on is None:
        return ""
    if _is_charged(invoice):
        return f"Charged to your default payment method on {formats.day(invoice.due_on)}."
    return f"Payable by {formats.day(invoice.due_on)}."


def _is_charged(invoice: Invoice) -> bool:
    """Whether it was issued to be collected from a card: then it is due before the terms of the others end."""
    end = (invoice.issued_on or invoice.billing_on) + settings.PAYMENT_TERMS
    return invoice.collection == Collection.AUTOMATIC and invoice.due_on is not None and invoice.due_on < end


def _money(currency: str) -> Any:
    return lambda amount: formats.money(amount, currency)
