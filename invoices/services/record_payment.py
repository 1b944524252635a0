"""What the gateway said becomes a fact: paid with a receipt, declined with a reason, given up – or sent back."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.gateways.base import Outcome
from accounts.models import User
from accounts.selectors import recipients, recipients_and_admins
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from core.periods import utc_day
from invoices.checking import first_check
from invoices.emails import came_late, confirm, failed, paid
from invoices.models import GIVEN_UP, UNRESOLVED, Payment, PaymentStatus
from invoices.numbering import RECEIPT, next_numbers
from invoices.retrying import collect_again, plan_next_try
from invoices.rules import takes
from invoices.selling import deliver_sold
from invoices.sending_back import send_back

NOT_CONFIRMED = "not_confirmed"


@transaction.atomic
def record_payment(
    *,
    payment_id: int,
    outcome: Outcome,
    at: datetime,
    actor: User | None = None,
    gateway_id: str | None = None,
    intent_id: str = "",
) -> Payment:
    """Settle a payment by the gateway's answer; one that is settled stays as it is.

    Except that one which was given up – declined, canceled – may still turn out to have succeeded. A success pays the
    invoice where it still has that much open; where it was paid, voided or lowered meanwhile, the payment is *surplus*
    and its money goes back by a refund that waits from now on.

    `gateway_id` is the payment's intent when the question was asked ("" for "none"): where it has come to another one
    meanwhile, nothing is recorded. `intent_id` is the intent that answered; a payment without one keeps it.
    `unconfirmed` is no outcome and changes nothing.
    """
    customer_id = Payment.objects.values_list("customer_id", flat=True).get(pk=payment_id)
    lock_customers([customer_id])
    payment = (
        Payment.objects.select_for_update(of=("self",))
        .select_related("invoice__seller", "payment_method")
        .get(pk=payment_id)
    )
    if not _is_news(payment, outcome) or gateway_id not in (None, payment.gateway_id):
        return payment
    before = payment.status
    if outcome.status != before:
        payment.gateway_id = payment.gateway_id or intent_id
        _settle(payment, outcome, at)
        _audit(payment, before, at, actor)
    if payment.status == PaymentStatus.NEEDS_CONFIRMATION:
        _ask_to_confirm(payment, at)
    return payment


def _is_news(payment: Payment, outcome: Outcome) -> bool:
    is_late = payment.status in GIVEN_UP and outcome.status == "succeeded"
    return is_late or (payment.status in UNRESOLVED and outcome.status != "unconfirmed")


def _audit(payment: Payment, before: str, at: datetime, actor: User | None) -> None:
    record(
        at=at,
        actor=actor,
        customer_id=payment.customer_id,
        action="record_payment",
        subject=f"payment:{payment.pk}",
        before={"status": before},
        after={"status": payment.status, "receipt": payment.receipt_number, "decline_code": payment.decline_code},
    )


def _settle(payment: Payment, outcome: Outcome, at: datetime) -> None:
    before, payment.status = payment.status, _status_after(payment, outcome)
    payment.decline_code = outcome.decline_code
    if payment.status not in UNRESOLVED:
        payment.settled_at, payment.check_at = at, None
    if payment.status == PaymentStatus.DECLINED and outcome.status == "canceled":
        payment.decline_code = NOT_CONFIRMED
    if payment.status == PaymentStatus.SUCCEEDED:
        _succeed(payment, at)
    payment.save(update_fields=["status", "gateway_id", "decline_code", "settled_at", "check_at", "receipt_number"])
    _follow_up(payment, before, at)


def _follow_up(payment: Payment, before: str, at: datetime) -> None:
    """Who is told, and what else comes of the new status."""
    if payment.status == PaymentStatus.SUCCEEDED:
        queue_notices([paid(payment, _to(payment))], at=at)
    elif payment.status == PaymentStatus.SURPLUS:
        send_back(payment, at)
        queue_notices([came_late(payment, _to(payment))], at=at)
    elif payment.status == PaymentStatus.DECLINED:
        plan_next_try(payment, at)
        queue_notices([failed(payment, payment.decline_code, _whoever_can_act(payment))], at=at)
    elif payment.status == PaymentStatus.CANCELED and before == PaymentStatus.NEEDS_CONFIRMATION:
        if takes(payment.invoice, 1):  # else it was settled otherwise, and nobody misses the payment
            queue_notices([failed(payment, NOT_CONFIRMED, _whoever_can_act(payment))], at=at)
    elif payment.status == PaymentStatus.CANCELED and payment.automatic:
        collect_again(payment, at)


def _status_after(payment: Payment, outcome: Outcome) -> PaymentStatus:
    """A collection that the bank's confirmation did not come for counts as declined: the card gave nothing."""
    status = PaymentStatus(outcome.status)
    if status == PaymentStatus.SUCCEEDED and not takes(payment.invoice, payment.amount):
        return PaymentStatus.SURPLUS
    was_waiting = payment.status == PaymentStatus.NEEDS_CONFIRMATION
    if status == PaymentStatus.CANCELED and was_waiting and payment.automatic and takes(payment.invoice, 1):
        return PaymentStatus.DECLINED
    return status


def _succeed(payment: Payment, at: datetime) -> None:
    """The invoice first, the receipt's number last: its sequence is the last lock taken.

    An attempt beside a late one has lost its reason: it is asked about at once, and cancelled unless it was charged.
    """
    invoice = payment.invoice
    invoice.amount_paid += payment.amount
    invoice.close_if_settled(at)
    invoice.save(update_fields=["amount_paid", "status", "paid_at", "collect_at"])
    deliver_sold(invoice, at)
    invoice.payments.filter(status__in=UNRESOLVED).exclude(pk=payment.pk).update(check_at=at)
    [payment.receipt_number] = next_numbers(invoice.seller, RECEIPT, utc_day(at).year, 1)


def _ask_to_confirm(payment: Payment, at: datetime) -> None:
    """E10, once: at once where the run charged the card; after «Pay» when the person is found to have left."""
    if payment.automatic or at >= first_check(payment.created_at):
        queue_notices([confirm(payment, _whoever_can_act(payment))], at=at)


def _to(payment: Payment) -> list[str]:
    return recipients([payment.customer_id])[payment.customer_id]


def _whoever_can_act(payment: Payment) -> list[str]:
    return recipients_and_admins([payment.customer_id])[payment.customer_id]
