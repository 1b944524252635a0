"""A cardholder disputes a charge at their bank: written down and shown to staff, who decide. No money is moved."""

from datetime import UTC, datetime

from django.db import transaction

from accounts.audit import record
from accounts.gateways.currencies import from_stripe
from accounts.services.lock_customers import lock_customers
from invoices.models import Dispute, GatewayEvent, Payment

CLOSED = ("won", "lost", "warning_closed", "prevented")


@transaction.atomic
def note_dispute(*, payment_id: int, event: GatewayEvent, at: datetime) -> Dispute:
    """The dispute that an event speaks of, as the newest event about it says; an older event changes nothing.

    `event.payload` is the dispute as the processor keeps it: amount in its units, currency, status, reason, created.
    """
    customer_id = Payment.objects.values_list("customer_id", flat=True).get(pk=payment_id)
    lock_customers([customer_id])
    payment = Payment.objects.get(pk=payment_id)
    values = event.payload
    status = str(values.get("status") or "needs_response")[:40]
    said = {
        "status": status,
        "reason": str(values.get("reason") or "")[:60],
        "as_of": event.created_at,
        "closed_at": event.created_at if status in CLOSED else None,
    }
    currency = str(values.get("currency") or payment.currency).upper()
    facts = {
        "payment": payment,
        "customer_id": customer_id,
        "amount": from_stripe(int(values["amount"]), currency) if values.get("amount") else payment.amount,
        "currency": currency,
        "opened_at": _instant(values.get("created"), event.created_at),
    }
    known = Dispute.objects.filter(gateway=event.gateway, gateway_id=event.object_id).first()
    if known is not None and _is_old(known, event, status):
        return known
    before = {"status": known.status} if known else {}
    dispute, _ = Dispute.objects.update_or_create(
        gateway=event.gateway, gateway_id=event.object_id, defaults=said, create_defaults=said | facts
    )
    record(
        at=at,
        actor=None,
        customer_id=customer_id,
        action="note_dispute",
        subject=f"payment:{payment.pk}",
        before=before,
        after={"status": status, "reason": dispute.reason, "amount": dispute.amount, "currency": dispute.currency},
    )
    return dispute


def _is_old(known: Dispute, event: GatewayEvent, status: str) -> bool:
    """The processor's clock counts seconds: within one the end is what came last."""
    if known.as_of == event.created_at:
        return known.closed_at is not None or known.status == status
    return known.as_of > event.created_at


def _instant(seconds: object, otherwise: datetime) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC) if isinstance(seconds, int) else otherwise
