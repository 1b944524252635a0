"""What the gateway said of a refund becomes a fact: the money is back, or the credit stays for the next invoice."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.gateways.base import Outcome
from accounts.models import User
from accounts.selectors import recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from invoices.emails import refunded
from invoices.models import REFUNDING, Refund, RefundStatus

OUTCOMES = {
    "succeeded": RefundStatus.SUCCEEDED,
    "declined": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}


@transaction.atomic
def record_refund(*, refund_id: int, outcome: Outcome, at: datetime, actor: User | None = None) -> Refund:
    """Settle an unresolved refund by the gateway's answer; one that is settled stays as it is."""
    customer_id = Refund.objects.values_list("customer_id", flat=True).get(pk=refund_id)
    lock_customers([customer_id])
    wanted = ("credit_note", "payment__payment_method", "payment__invoice")
    refund = Refund.objects.select_related(*wanted).get(pk=refund_id)
    if refund.status not in REFUNDING or outcome.status not in OUTCOMES:
        return refund
    before = refund.status
    refund.status, refund.failure_code = OUTCOMES[outcome.status], outcome.decline_code
    refund.settled_at, refund.check_at = at, None
    refund.save(update_fields=["status", "failure_code", "settled_at", "check_at"])
    if refund.status == RefundStatus.SUCCEEDED:
        _succeed(refund, at)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="record_refund",
        subject=f"refund:{refund.pk}",
        before={"status": before},
        after={"status": refund.status, "failure_code": refund.failure_code},
    )
    return refund


def _succeed(refund: Refund, at: datetime) -> None:
    """What a credit note had to give is given; of a surplus no document knows."""
    note = refund.credit_note
    if note is not None:
        note.amount_paid += refund.amount
        note.close_if_settled(at)
        note.save(update_fields=["amount_paid", "status", "paid_at", "collect_at"])
    to = recipients([refund.customer_id])[refund.customer_id]
    queue_notices([refunded(refund, to)], at=at)
