from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from invoices.checking import next_check
from invoices.models import REFUNDING, Refund
from invoices.resolving import resolve_refund


def ask_refund(*, refund_id: int, reason: str, at: datetime, actor: User) -> Refund:
    """Ask the gateway about one refund now; the refund as it stands afterwards.

    By its key: what was made is retrieved, and only where the gateway has none it is made, with the same key – so it
    is given back once, whoever asks how often. Runs outside any transaction. One that has its outcome is left as it
    is.
    """
    refund = _allow(refund_id, reason, at, actor)
    if refund.status in REFUNDING:
        resolve_refund(refund, at, actor)
        refund.refresh_from_db()
    return refund


@transaction.atomic
def _allow(refund_id: int, reason: str, at: datetime, actor: User) -> Refund:
    """The question is counted and the next one moved ahead, as the worker's: two do not ask at the same time."""
    customer_id = Refund.objects.values_list("customer_id", flat=True).get(pk=refund_id)
    lock_customers([customer_id])
    refund = Refund.objects.select_related("payment").select_for_update(of=("self",), no_key=True).get(pk=refund_id)
    if refund.status not in REFUNDING:
        return refund
    refund.check_at = next_check(refund.checks, at)
    refund.checks += 1
    refund.save(update_fields=["check_at", "checks"])
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="ask_refund",
        subject=f"refund:{refund_id}",
        before={"status": refund.status, "checks": refund.checks - 1},
        reason=reason,
    )
    return refund
