"""A customer's documents and payments as a story: what happened since an instant, and what comes."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q, Subquery

from accounts.gateways import decline_message
from accounts.selectors import default_payment_methods
from core import formats
from core.periods import midnight, utc_day
from core.story import Coming, Event, Told
from invoices.models import UNRESOLVED, Collection, CreditSale, Invoice, InvoiceStatus, Payment, PaymentStatus, Refund
from invoices.selectors import documents_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import PaymentMethod

DAY = timedelta(days=1)
OPEN_ONES = (InvoiceStatus.DRAFT, InvoiceStatus.OPEN)
NOT_OVER = Q(status__in=OPEN_ONES)


def tell(customer_id: int, since: datetime, limit: int) -> Told:
    """Charges calculated, documents issued and voided, payments, refunds – by the newest `limit` documents that
    something happened to –, and what comes of those that are not over. Four queries."""
    touched = Q(calculated_at__gte=since) | Q(finalized_at__gte=since) | Q(voided_at__gte=since)
    paid = Payment.objects.filter(invoice=OuterRef("pk"), created_at__gte=since)
    rows = list(_documents(customer_id, touched | Exists(paid) | NOT_OVER)[:limit])
    found = [event for row in rows for event in (*_document(row), *_payments(row))]
    refunds = Refund.objects.filter(customer=customer_id, settled_at__gte=since).select_related("credit_note")
    found += [_refund(refund) for refund in refunds.order_by("-pk")[:limit]]
    return _told(customer_id, rows, [event for event in found if event.at >= since])


def coming(customer_id: int) -> Told:
    """Billing dates of drafts, automatic collections, due dates, questions to the card processor, and purchases that
    are given up; instants that have passed among them. Three queries."""
    return _told(customer_id, list(_documents(customer_id, NOT_OVER)), [])


def _told(customer_id: int, rows: Sequence[Invoice], happened: list[Event]) -> Told:
    owes = any(row.status == InvoiceStatus.OPEN and not row.is_credit_note for row in rows)
    return Told(happened, _coming(customer_id, rows), owes)


def _documents(customer_id: int, wanted: Q | Exists) -> "QuerySet[Invoice]":
    expiry = CreditSale.objects.filter(invoice=OuterRef("pk")).values("expires_at")
    return documents_of(customer_id).filter(wanted).annotate(given_up_at=Subquery(expiry)).order_by("-pk")


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


def _coming(customer_id: int, rows: Sequence[Invoice]) -> list[Coming]:
    card = default_payment_methods([customer_id]).get(customer_id)
    return [each for row in rows if row.status in OPEN_ONES for each in (*_invoice(row, card), *_waits(row))]


def _waits(row: Invoice) -> Iterator[Coming]:
    for payment in row.payments.all():
        if payment.status in UNRESOLVED and payment.check_at:
            yield Coming(payment.check_at, "We ask the card processor what became of a payment.")
    given_up: datetime | None = row.given_up_at  # type: ignore[attr-defined]  # annotated by _documents
    if given_up and row.status == InvoiceStatus.OPEN:
        yield Coming(given_up, "A purchase of credits that nobody paid is given up.")


def _invoice(row: Invoice, card: "PaymentMethod | None") -> Iterator[Coming]:
    if row.is_credit_note:
        return
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
