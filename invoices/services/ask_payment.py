from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from invoices.checking import first_check
from invoices.exceptions import TooEarlyToAskError
from invoices.models import UNRESOLVED, Payment
from invoices.resolving import resolve_payment


def ask_payment(*, payment_id: int, reason: str, at: datetime, actor: User) -> Payment:
    """Ask the gateway about one payment now instead of at its next question; the payment as it stands afterwards.

    Retrieves and never pays: an intent that was not confirmed is cancelled there. The question is not counted, so that
    an impatient person does not use up the time of a bank's confirmation. Runs outside any transaction. A payment that
    has its outcome is left as it is. Raises TooEarlyToAskError in the first minute, when its charge may be under way.
    """
    payment = _allow(payment_id, reason, at, actor)
    if payment.status in UNRESOLVED:
        resolve_payment(payment, at, actor)
        payment.refresh_from_db()
    return payment


@transaction.atomic
def _allow(payment_id: int, reason: str, at: datetime, actor: User) -> Payment:
    customer_id = Payment.objects.values_list("customer_id", flat=True).get(pk=payment_id)
    lock_customers([customer_id])
    payment = Payment.objects.get(pk=payment_id)
    if payment.status not in UNRESOLVED:
        return payment
    if at < first_check(payment.created_at):
        raise TooEarlyToAskError(f"payment {payment_id} was made at {payment.created_at}")
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="ask_payment",
        subject=f"payment:{payment_id}",
        before={"status": payment.status, "checks": payment.checks},
        reason=reason,
    )
    return payment
