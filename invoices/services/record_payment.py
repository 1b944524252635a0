"""What the gateway said becomes a fact: paid with a receipt, declined with a reason, or given up."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.gateways import decline_message
from accounts.gateways.base import Outcome
from accounts.models import User
from accounts.selectors import recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from core.periods import utc_day
from invoices.emails import failed, paid
from invoices.models import UNRESOLVED, Invoice, InvoiceStatus, Payment, PaymentStatus
from invoices.numbering import RECEIPT, next_numbers
from invoices.retrying import plan_next_try
from invoices.selling import deliver_sold

NOT_CONFIRMED = "Your bank asked you to confirm this payment and it wasn't confirmed in time. Nothing was charged."


@transaction.atomic
def record_payment(
    *, payment_id: int, outcome: Outcome, at: datetime, actor: User | None = None, gateway_id: str | None = None
) -> Payment:
    """Settle an unresolved payment by the gateway's answer; one that is settled stays as it is.

    `gateway_id` names the intent the answer speaks of ("" for "there is none"): where the payment has come to
    another one meanwhile, nothing is recorded. `unconfirmed` is no outcome and changes nothing.
    """
    customer_id = Payment.objects.values_list("customer_id", flat=True).get(pk=payment_id)
    lock_customers([customer_id])
    payment = (
        Payment.objects.select_for_update(of=("self",))
        .select_related("invoice__seller", "payment_method")
        .get(pk=payment_id)
    )
    if payment.status not in UNRESOLVED or outcome.status in ("unconfirmed", payment.status):
        return payment
    if gateway_id is not None and payment.gateway_id != gateway_id:
        return payment
    before = payment.status
    _settle(payment, outcome, at)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="record_payment",
        subject=f"payment:{payment.pk}",
        before={"status": before},
        after={"status": payment.status, "receipt": payment.receipt_number, "decline_code": payment.decline_code},
    )
    return payment


def _settle(payment: Payment, outcome: Outcome, at: datetime) -> None:
    before, payment.status = payment.status, PaymentStatus(outcome.status)
    payment.decline_code = outcome.decline_code
    if payment.status not in UNRESOLVED:
        payment.settled_at, payment.check_at = at, None
    if payment.status == PaymentStatus.SUCCEEDED:
        _succeed(payment, at)
    payment.save(update_fields=["status", "decline_code", "settled_at", "check_at", "receipt_number"])
    if payment.status == PaymentStatus.SUCCEEDED:
        _tell(payment, "", at)
    elif payment.status == PaymentStatus.DECLINED:
        plan_next_try(payment, at)
        _tell(payment, decline_message(payment.decline_code), at)
    elif payment.status == PaymentStatus.CANCELED and before == PaymentStatus.NEEDS_CONFIRMATION:
        _tell(payment, NOT_CONFIRMED, at)
    elif payment.status == PaymentStatus.CANCELED and payment.automatic:
        Invoice.objects.filter(pk=payment.invoice_id, status=InvoiceStatus.OPEN).update(collect_at=at)


def _succeed(payment: Payment, at: datetime) -> None:
    """The invoice first, the receipt's number last: its sequence is the last lock taken."""
    invoice = payment.invoice
    invoice.amount_paid += payment.amount
    invoice.close_if_settled(at)
    invoice.save(update_fields=["amount_paid", "status", "paid_at", "collect_at"])
    deliver_sold(invoice, at)
    [payment.receipt_number] = next_numbers(invoice.seller, RECEIPT, utc_day(at).year, 1)


def _tell(payment: Payment, reason: str, at: datetime) -> None:
    to = recipients([payment.customer_id])[payment.customer_id]
    queue_notices([failed(payment, reason, to) if reason else paid(payment, to)], at=at)
