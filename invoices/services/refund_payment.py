"""Staff give back a payment, or a part of it, to the card that made it."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from invoices.models import Invoice, Payment
from invoices.refunding import check_payment, refund_of
from invoices.services.issue_credit_note import issue_credit_note


@transaction.atomic
def refund_payment(
    *, payment_id: int, amount: int, key: str, at: datetime, actor: User | None = None, reason: str, seen: str = ""
) -> Invoice:
    """A credit note of `amount` (minor units, with tax) for the payment's invoice, whose money goes to that card first.

    Its refund is committed with its key and waits for `reconcile_refunds`. A repeat with the same `key` gives the same
    note. Raises NotRefundableError: no card made it, or it has less left; and whatever `issue_credit_note` raises.
    """
    payment = Payment.objects.select_related("invoice").get(pk=payment_id)
    lock_customers([payment.customer_id])
    key = f"refund:{payment.pk}:{key}"
    earlier = Invoice.objects.filter(key=f"invoice:{payment.invoice_id}:credit-note:{key}").first()
    if earlier is not None:
        return earlier
    check_payment(payment, amount)
    note = issue_credit_note(
        invoice_id=payment.invoice_id,
        at=at,
        actor=actor,
        reason=reason,
        wanted=refund_of(payment, amount),
        key=key,
        seen=seen,
    )
    record(
        at=at,
        actor=actor,
        customer_id=payment.customer_id,
        action="refund_payment",
        subject=f"payment:{payment.pk}",
        after={"credit_note": note.number, "amount": amount, "currency": payment.currency},
        reason=reason,
    )
    return note
