"""A customer's documents and payments as a story: what happened since an instant, and what comes."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils.translation import gettext

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
        calculated = gettext("Charges calculated: %(amount)s, to be billed on %(day)s.")
        yield Event(row.calculated_at, calculated % {"amount": amount, "day": formats.day(row.billing_on)}, about)
    values = {"number": row.number, "amount": amount}
    if row.finalized_at and row.number:
        note, bill = (
            gettext("Credit note %(number)s issued: %(amount)s."),
            gettext("Invoice %(number)s issued: %(amount)s."),
        )
        yield Event(row.finalized_at, (note if row.is_credit_note else bill) % values, about)
    if row.voided_at and row.number:
        yield Event(row.voided_at, gettext("%(number)s is void.") % values, about, "warning")
    if row.paid_at and not row.is_credit_note and not row.payments.all():
        yield Event(row.paid_at, gettext("Nothing is left to pay of %(number)s.") % values, about, "success")


def _payments(row: Invoice) -> Iterator[Event]:
    payments = list(row.payments.all())
    for payment, following in zip_longest(payments, payments[1:]):
        values, about = {"amount": formats.money(payment.amount, payment.currency)}, _about(row)
        at = payment.settled_at or payment.created_at
        if payment.status == PaymentStatus.SUCCEEDED:
            values |= {"how": payment.how, "number": payment.receipt_number or ""}
            yield Event(at, gettext("%(amount)s paid %(how)s. Receipt %(number)s.") % values, about, "success")
        elif payment.status == PaymentStatus.DECLINED:
            declined = gettext("Payment of %(amount)s declined.") % values
            yield Event(at, f"{declined} {_why(payment, following, row)}", about, "danger")
        elif payment.status == PaymentStatus.NEEDS_CONFIRMATION:
            text = gettext("The bank wants the payment of %(amount)s confirmed.") % values
            yield Event(payment.created_at, text, about, "warning")
        elif payment.status == PaymentStatus.CANCELED:
            text = gettext("The payment of %(amount)s was given up. Nothing was charged.") % values
            yield Event(at, text, about, "warning")
        elif payment.status in UNRESOLVED:
            text = gettext("No answer yet to the payment of %(amount)s.") % values
            yield Event(payment.created_at, text, about, "warning")


def _why(payment: Payment, following: Payment | None, row: Invoice) -> str:
    """The reason in plain words, and when it was or is tried again."""
    reason = decline_message(payment.decline_code)
    again = following.created_at if following and following.automatic else None
    if following is None and row.status == InvoiceStatus.OPEN and payment.automatic:
        again = row.collect_at
    planned = gettext("Next try on %(day)s.") % {"day": formats.day(utc_day(again))} if again else ""
    return f"{reason} {planned or gettext('No other try is planned.')}"


def _refund(refund: Refund) -> Event:
    values = {"amount": formats.money(refund.amount, refund.currency), "status": refund.get_status_display()}
    about = _about(refund.credit_note) if refund.credit_note else ""
    at = refund.settled_at or refund.created_at
    return Event(at, gettext("Refund of %(amount)s: %(status)s.") % values, about)


def _coming(customer_id: int, rows: Sequence[Invoice]) -> list[Coming]:
    card = default_payment_methods([customer_id]).get(customer_id)
    return [each for row in rows if row.status in OPEN_ONES for each in (*_invoice(row, card), *_waits(row))]


def _waits(row: Invoice) -> Iterator[Coming]:
    for payment in row.payments.all():
        if payment.status in UNRESOLVED and payment.check_at:
            yield Coming(payment.check_at, gettext("We ask the card processor what became of a payment."))
    given_up: datetime | None = row.given_up_at  # type: ignore[attr-defined]  # annotated by _documents
    if given_up and row.status == InvoiceStatus.OPEN:
        yield Coming(given_up, gettext("A purchase of credits that nobody paid is given up."))


def _invoice(row: Invoice, card: "PaymentMethod | None") -> Iterator[Coming]:
    if row.is_credit_note:
        return
    values = {"number": row.number, "card": card}
    if row.status == InvoiceStatus.DRAFT:
        values |= {"amount": formats.money(row.total, row.currency)}
        text = gettext("The invoice of %(amount)s is issued.")
        if row.total and card and row.collection == Collection.AUTOMATIC:
            text = gettext("The invoice of %(amount)s is issued and charged to %(card)s.")
        yield Coming(midnight(row.billing_on), text % values)
    elif row.collect_at and card:
        values |= {"amount": formats.money(row.amount_due, row.currency)}
        yield Coming(row.collect_at, gettext("%(amount)s of %(number)s is charged to %(card)s.") % values)
    elif row.due_on and not row.is_sale:
        text = gettext("%(number)s becomes overdue, if it is not paid.")
        yield Coming(midnight(row.due_on + DAY), text % values)
