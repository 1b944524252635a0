"""What is kept on a credit note is paid out after all: to a card that paid, or outside."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.selectors import recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from invoices.emails import refunded
from invoices.exceptions import NotRefundableError
from invoices.models import Invoice, InvoiceStatus, Payment, Refund, RefundStatus
from invoices.refunding import Outside, check_left, check_payment
from invoices.spreading import left_on


@transaction.atomic
def pay_out_credit_note(
    *, note_id: int, to: int | Outside, amount: int, key: str, at: datetime, actor: User | None = None, reason: str
) -> Refund:
    """Pay out `amount` (minor units) of what is left of a credit note, to the payment with the id `to` or outside.

    A card's refund is committed with its key and waits for `reconcile_refunds`; what was paid outside is a fact at
    once. A repeat with the same `key` gives the first refund. Raises NotRefundableError: more than is left of the note
    or of the payment, a payment that no card made, a document that is no open credit note.
    """
    customer_id = Invoice.objects.values_list("customer_id", flat=True).get(pk=note_id)
    lock_customers([customer_id])
    note = Invoice.objects.get(pk=note_id)
    key = f"credit:{note.pk}:payout:{key}"
    earlier = Refund.objects.filter(key=key).first()
    if earlier is not None:
        return earlier
    if not note.is_credit_note or note.status != InvoiceStatus.OPEN:
        raise NotRefundableError(f"document {note_id} is no open credit note")
    check_left(amount, left_on(note, note.refunds.all()))
    refund = _outside(note, to, amount, key, at) if isinstance(to, Outside) else _to_card(note, to, amount, key, at)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="pay_out_credit_note",
        subject=f"invoice:{note.pk}",
        after={
            "refund": refund.key,
            "amount": amount,
            "currency": note.currency,
            "to": f"payment:{refund.payment_id}" if refund.payment_id else refund.method,
            "reference": refund.reference,
        },
        reason=reason,
    )
    return refund


def _to_card(note: Invoice, payment_id: int, amount: int, key: str, at: datetime) -> Refund:
    payment = Payment.objects.get(pk=payment_id, customer_id=note.customer_id, currency=note.currency)
    check_payment(payment, amount)
    return _create(note, amount, key, at, payment=payment, check_at=at)


def _outside(note: Invoice, to: Outside, amount: int, key: str, at: datetime) -> Refund:
    refund = _create(
        note,
        amount,
        key,
        at,
        method=to.method,
        reference=to.reference,
        paid_on=to.paid_on,
        status=RefundStatus.SUCCEEDED,
        settled_at=at,
    )
    note.amount_paid += amount
    note.close_if_settled(at)
    note.save(update_fields=["amount_paid", "status", "paid_at", "collect_at"])
    queue_notices([refunded(refund, recipients([note.customer_id])[note.customer_id])], at=at)
    return refund


def _create(note: Invoice, amount: int, key: str, at: datetime, **values: object) -> Refund:
    return Refund.objects.create(
        key=key,
        credit_note=note,
        customer_id=note.customer_id,
        amount=amount,
        currency=note.currency,
        created_at=at,
        **values,
    )
