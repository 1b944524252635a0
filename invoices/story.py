"""A customer's documents and payments as a story: what happened since an instant, and what comes."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING

from django.db.models import Q

from accounts.gateways import decline_message
from accounts.selectors import default_payment_methods
from core import formats
from core.periods import midnight, utc_day
from core.story import Coming, Event
from invoices.models import UNRESOLVED, Collection, CreditSale, Invoice, InvoiceStatus, Payment, PaymentStatus, Refund
from invoices.selectors import documents_of

if TYPE_CHECKING:
    from accounts.models import PaymentMethod

DAY = timedelta(days=1)


def happened(customer_id: int, since: datetime, limit: int) -> list[Event]:
    """Charges calculated, documents issued, withdrawn and voided, payments, refunds; by the newest `limit` documents
    that something happened to. Three queries."""
    touched = Q(calculated_at__gte=since) | Q(finalized_at__gte=since) | Q(payments__created_at__gte=since)
    rows = documents_of(customer_id).filter(touched | Q(voided_at__gte=since)).distinct().order_by("-pk")[:limit]
    found = [event for row in rows for event in (*_document(row), *_payments(row))]
    refunds = Refund.objects.filter(customer=customer_id, settled_at__gte=since).select_related("credit_note")
    found += [_refund(refund) for refund in refunds.order_by("-pk")[:limit]]
    return [event for event in found if event.at >= since]


def _about(row: Invoice) -> str:
    return f"invoice:{row.pk}:{row.public_id}"


def _document(row: Invoice) -> Iterator[Event]:
    amount, about = formats.money(abs(row.total), row.currency), _about(row)
    if row.status == InvoiceStatus.VOID and row.number is None:  # a draft that was discarded has no page
        return
    if not row.is_sale and not row.is_credit_note:
        yield Event(
            row.calculated_at, f"Charges calculated: {amount}, to be billed on {formats.day(row.billing_on)}.", about
        )
    if row.finalized_at and row.number:
        kind = "Credit note" if row.is_credit_note else "Invoice"
        yield Event(row.finalized_at, f"{kind} {row.number} issued: {amount}.", about)
    if row.voided_at and row.number:
        yield Event(row.voided_at, f"{row.number} is void.", about, "warning")
    if row.paid_at and not row.is_credit_note and not row.payments.all():
        yield Event(row.paid_at, f"Nothing is left to pay of {row.number}.", about, "success")


def _payments(row: Invoice) -> Iterator[Event]:
    payments = list(row.payments.all())
    for payment, following in zip_longest(payments, payments[1:]):
        amount, about = formats.money(payment.amount, payment.currency), _about(row)
        at = payment.settled_at or payment.created_at
        if payment.status == PaymentStatus.SUCCEEDED:
            yield Event(at, f"{amount} paid {payment.how}. Receipt {payment.receipt_number}.", about, "success")
        elif payment.status == PaymentStatus.DECLINED:
            yield Event(at, f"Payment of {amount} declined. {_why(payment, following, row)}", about, "danger")
        elif payment.status == PaymentStatus.NEEDS_CONFIRMATION:
            yield Event(payment.created_at, f"The bank wants the payment of {amount} confirmed.", about, "warning")
        elif payment.status == PaymentStatus.CANCELED:
            yield Event(at, f"The payment of {amount} was given up. Nothing was charged.", about, "warning")
        elif payment.status in UNRESOLVED:
            yield Event(payment.created_at, f"No answer yet to the payment of {amount}.", about, "warning")


def _why(payment: Payment, following: Payment | None, row: Invoice) -> str:
    """The reason in plain words, and when it was or is tried again."""
    reason = decline_message(payment.decline_code)
    again = following.created_at if following and following.automatic else None
    if following is None and row.status == InvoiceStatus.OPEN and payment.automatic:
        again = row.collect_at
    return f"{reason} Next try on {formats.day(utc_day(again))}." if again else f"{reason} No other try is planned."


def _refund(refund: Refund) -> Event:
    amount = formats.money(refund.amount, refund.currency)
    about = _about(refund.credit_note) if refund.credit_note else ""
    at = refund.settled_at or refund.created_at
    return Event(at, f"Refund of {amount}: {refund.get_status_display()}.", about)


def coming(customer_id: int) -> list[Coming]:
    """Billing dates of drafts, automatic collections, due dates, questions to the card processor, and purchases that
    are given up; instants that have passed among them. Four queries."""
    card = default_payment_methods([customer_id]).get(customer_id)
    open_ones = (InvoiceStatus.DRAFT, InvoiceStatus.OPEN)
    rows = Invoice.objects.payable_kind().filter(customer=customer_id, status__in=open_ones).order_by("pk")
    found = [each for row in rows for each in _invoice(row, card)]
    asked = Payment.objects.filter(customer=customer_id, status__in=UNRESOLVED, check_at__isnull=False)
    sales = CreditSale.objects.filter(
        customer=customer_id, invoice__status=InvoiceStatus.OPEN, expires_at__isnull=False
    )
    return [
        *found,
        *_all(asked.values_list("check_at", flat=True), "We ask the card processor what became of a payment."),
        *_all(sales.values_list("expires_at", flat=True), "A purchase of credits that nobody paid is given up."),
    ]


def _all(instants: Iterable[datetime | None], text: str) -> list[Coming]:
    return [Coming(at, text) for at in instants if at]


def _invoice(row: Invoice, card: "PaymentMethod | None") -> Iterator[Coming]:
    amount, due = formats.money(row.total, row.currency), formats.money(row.amount_due, row.currency)
    if row.status == InvoiceStatus.DRAFT:
        text = f"The invoice of {amount} is issued."
        if row.total and card and row.collection == Collection.AUTOMATIC:
            text = f"The invoice of {amount} is issued and charged to {card}."
        yield Coming(midnight(row.billing_on), text)
    elif row.collect_at and card:
        yield Coming(row.collect_at, f"{due} of {row.number} is charged to {card}.")
    elif row.due_on and not row.is_sale:
        yield Coming(midnight(row.due_on + DAY), f"{row.number} becomes overdue, if it is not paid.")
