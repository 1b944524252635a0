"""One function per message of this room. Each freezes the figures as text, so that mail, page and PDF agree."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts.models import PaymentMethod
from accounts.notices import NoticeDraft
from core import formats
from core.periods import Period
from invoices.lines import LineDraft
from invoices.models import Collection, Invoice, Payment


def announced(invoice: Invoice, lines: Sequence[LineDraft], card: PaymentMethod | None, to: list[str]) -> NoticeDraft:
    """E6: charges are calculated – amount, date and card."""
    automatic = invoice.collection == Collection.AUTOMATIC
    context = _figures(invoice) | {
        "lines": [{"title": line.title, "amount": formats.money(line.amount, invoice.currency)} for line in lines],
        "card": str(card) if card and automatic else "",
        "automatic": automatic,
        "cards_url": settings.PORTAL_URL + reverse("portal"),
    }
    return _notice(invoice, "announced", "invoice_announced", to, context)


def withdrawn(invoice: Invoice, to: list[str]) -> NoticeDraft:
    """The amount announced by E6 will not be charged: the draft was discarded."""
    return _notice(invoice, "withdrawn", "invoice_withdrawn", to, _figures(invoice))


def issued(invoice: Invoice, card: PaymentMethod | None, to: list[str]) -> NoticeDraft:
    """E7: the invoice has its number – due date, or when which card is charged."""
    charged = invoice.collect_at is not None and card is not None
    context = _figures(invoice) | {
        "card": str(card) if charged else "",
        "charged_at": formats.instant(invoice.collect_at) if invoice.collect_at and charged else "",
        "later": bool(invoice.collect_at and invoice.finalized_at and invoice.collect_at > invoice.finalized_at),
        "due": formats.day(invoice.due_on) if invoice.due_on else "",
        "payable": invoice.total > 0,
        "iban": invoice.seller_party.get("iban", ""),
    }
    return _notice(invoice, "issued", "invoice_issued", to, context)


def paid(payment: Payment, to: list[str]) -> NoticeDraft:
    """E8: the receipt."""
    return _notice(payment.invoice, f"paid:{payment.pk}", "payment_receipt", to, _payment_figures(payment))


def failed(payment: Payment, reason: str, to: list[str]) -> NoticeDraft:
    """E9: the payment failed – why, in plain words, and what to do."""
    context = _payment_figures(payment) | {"reason": reason, "cards_url": settings.PORTAL_URL + reverse("portal")}
    return _notice(payment.invoice, f"failed:{payment.pk}", "payment_failed", to, context)


def _figures(invoice: Invoice) -> dict[str, Any]:
    period = Period(invoice.period_start, invoice.period_end)
    return {
        "product": settings.PRODUCT_NAME,
        "number": invoice.number or "",
        "total": formats.money(invoice.total, invoice.currency),
        "subtotal": formats.money(invoice.subtotal, invoice.currency),
        "tax": formats.money(invoice.tax, invoice.currency) if invoice.tax else "",
        "tax_label": invoice.tax_label,
        "billing_on": formats.day(invoice.billing_on),
        "period": formats.period(period),
        "url": settings.PORTAL_URL + reverse("invoice", args=[invoice.public_id]),
    }


def _payment_figures(payment: Payment) -> dict[str, Any]:
    return _figures(payment.invoice) | {
        "amount": formats.money(payment.amount, payment.currency),
        "receipt": payment.receipt_number or "",
        "card": str(payment.payment_method or "another way"),
        "paid_on": formats.day(payment.settled_at.date()) if payment.settled_at else "",
    }


def _notice(invoice: Invoice, what: str, template: str, to: list[str], context: dict[str, Any]) -> NoticeDraft:
    return NoticeDraft(
        key=f"invoice:{invoice.pk}:{what}",
        customer_id=invoice.customer_id,
        template=template,
        to=to,
        context=context,
    )
