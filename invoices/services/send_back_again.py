from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from invoices.exceptions import NotRefundableError
from invoices.models import Refund, RefundStatus
from invoices.sending_back import send_back


@transaction.atomic
def send_back_again(*, refund_id: int, reason: str, at: datetime, actor: User) -> Refund:
    """Another refund of a surplus payment whose last one has failed; a repeat gives the one that was made.

    Raises NotRefundableError: it has not failed, or is of a credit note, which says itself where its money goes.
    """
    customer_id = Refund.objects.values_list("customer_id", flat=True).get(pk=refund_id)
    lock_customers([customer_id])
    failed = Refund.objects.select_related("payment").get(pk=refund_id)
    if failed.credit_note_id is not None or failed.payment is None or failed.status != RefundStatus.FAILED:
        raise NotRefundableError(f"refund {refund_id} is {failed.status}")
    later = Refund.objects.filter(payment=failed.payment, pk__gt=failed.pk).order_by("pk").first()
    if later is not None:
        return later
    refund = send_back(failed.payment, at)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="send_back_again",
        subject=f"payment:{failed.payment.pk}",
        after={"refund": refund.key, "amount": refund.amount, "currency": refund.currency},
        reason=reason,
    )
    return refund
