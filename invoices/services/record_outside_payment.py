"""Money for an invoice that came without the portal: by bank transfer, by cheque, or otherwise."""

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.models import User
from accounts.selectors import recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from core import formats
from core.periods import utc_day
from invoices.emails import paid
from invoices.exceptions import OverpaidError, ReceivedLaterError
from invoices.models import OUTSIDE, Invoice, OutsideMethod, Payment, PaymentStatus
from invoices.numbering import RECEIPT, next_numbers
from invoices.rules import check_paid_outside
from invoices.selling import deliver_sold


@transaction.atomic
def record_outside_payment(
    *,
    invoice_id: int,
    key: str,
    amount: int,
    received_on: date,
    method: OutsideMethod,
    reference: str,
    at: datetime,
    actor: User | None = None,
    reason: str,
) -> Payment:
    """A succeeded payment of the invoice's rest or a part of it (minor units), with its receipt; the customer is told.

    What is left is collected as before. `key` is that of the form: the same one gives the first payment. Raises
    NotPayableError, PaymentPendingError, OverpaidError, ReceivedLaterError.
    """
    customer_id = Invoice.objects.values_list("customer_id", flat=True).get(pk=invoice_id)
    lock_customers([customer_id])
    invoice = Invoice.objects.select_related("seller").get(pk=invoice_id)
    own_key = f"invoice:{invoice.pk}:outside:{key}"
    earlier = Payment.objects.filter(key=own_key).first()
    if earlier is not None:
        return earlier
    check_paid_outside(invoice)
    _check(invoice, amount, received_on, at)
    payment = _payment(invoice, own_key, amount, at)
    payment.method, payment.reference, payment.received_on = method, reference, received_on
    _store(payment, invoice, at)
    queue_notices([paid(payment, recipients([customer_id])[customer_id])], at=at)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="record_outside_payment",
        subject=f"payment:{payment.pk}",
        before={"amount_due": invoice.amount_due + amount},
        after=_audited(payment, invoice),
        reason=reason,
    )
    return payment


def _check(invoice: Invoice, amount: int, received_on: date, at: datetime) -> None:
    if not 0 < amount <= invoice.amount_due:
        due = formats.money(invoice.amount_due, invoice.currency)
        message = gettext("Enter an amount above zero, and no more than is due: %(amount)s.") % {"amount": due}
        raise OverpaidError(f"invoice {invoice.pk}: {amount} of {invoice.amount_due}", message=message)
    if received_on > utc_day(at):
        raise ReceivedLaterError(f"{received_on} is after {at}")


def _payment(invoice: Invoice, key: str, amount: int, at: datetime) -> Payment:
    """Not stored yet, and without how it was paid."""
    return Payment(
        key=key,
        invoice=invoice,
        customer_id=invoice.customer_id,
        gateway=OUTSIDE,
        amount=amount,
        currency=invoice.currency,
        status=PaymentStatus.SUCCEEDED,
        automatic=False,
        created_at=at,
        settled_at=at,
    )


def _store(payment: Payment, invoice: Invoice, at: datetime) -> None:
    """The invoice first, the receipt's number last: its sequence is the last lock taken."""
    invoice.amount_paid += payment.amount
    invoice.close_if_settled(at)
    invoice.save(update_fields=["amount_paid", "status", "paid_at", "collect_at"])
    deliver_sold(invoice, at)
    [payment.receipt_number] = next_numbers(invoice.seller, RECEIPT, utc_day(at).year, 1)
    payment.save(force_insert=True)


def _audited(payment: Payment, invoice: Invoice) -> dict[str, object]:
    return {
        "invoice": invoice.number,
        "amount": payment.amount,
        "currency": payment.currency,
        "method": payment.method,
        "reference": payment.reference,
        "received_on": payment.received_on.isoformat() if payment.received_on else None,
        "receipt": payment.receipt_number,
        "amount_due": invoice.amount_due,
        "status": invoice.status,
    }
