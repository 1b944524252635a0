"""One question to the gateway about a payment or refund nobody knows the outcome of, and its answer as a fact.

Retrieved, never done again. Runs outside any transaction; whoever asks has decided that it is time to.
"""

import logging
from datetime import datetime

from accounts.gateways import get_gateway
from accounts.gateways.base import Gateway, GatewayError, GatewayTimeoutError, Outcome
from accounts.models import User
from invoices.models import REFUNDING, UNRESOLVED, Payment, Refund, RefundStatus
from invoices.rules import PAYABLE
from invoices.services.record_payment import record_payment
from invoices.services.record_refund import record_refund

logger = logging.getLogger(__name__)

CANCELED = Outcome("canceled")


def resolve_payment(payment: Payment, at: datetime, actor: User | None = None) -> bool:
    """Whether the payment has its outcome now. No answer: it stays as it is.

    What was not charged and will not be any more is cancelled at the gateway: an intent that was never confirmed, one
    whose bank's confirmation did not come in time, one of an invoice that was settled otherwise.
    """
    gateway = get_gateway(payment.gateway)
    try:
        intent_id = payment.gateway_id or _find_intent(gateway, payment)
        outcome = _payment_outcome(gateway, intent_id, payment, at) if intent_id else CANCELED
    except GatewayError as error:
        logger.warning("payment %s stays %s: %s", payment.pk, payment.status, error.description)
        return False
    return _record(payment, outcome, intent_id, at, actor).status not in UNRESOLVED


def look_at_payment(payment: Payment, at: datetime, intent_id: str = "") -> Payment:
    """What became of the payment's intent, recorded; nothing is given up by a look. The payment as it stands now.

    Also of one that was given up: where it succeeded all the same, that is a fact. `intent_id`: the intent that was
    found under its key, for one that knows none. Raises GatewayError.
    """
    asked = payment.gateway_id or intent_id
    if not asked:
        return payment
    return _record(payment, get_gateway(payment.gateway).retrieve_intent(asked), asked, at, None)


def _record(payment: Payment, outcome: Outcome, intent_id: str, at: datetime, actor: User | None) -> Payment:
    return record_payment(
        payment_id=payment.pk,
        outcome=outcome,
        at=at,
        actor=actor,
        gateway_id=payment.gateway_id,
        intent_id=intent_id,
    )


def _find_intent(gateway: Gateway, payment: Payment) -> str:
    """Made under the payment's key, and its answer lost; empty where there is none."""
    token = payment.payment_method.token if payment.payment_method else ""
    return gateway.find_intent(payment.key, token=token) or ""


def _payment_outcome(gateway: Gateway, intent_id: str, payment: Payment, at: datetime) -> Outcome:
    outcome = gateway.retrieve_intent(intent_id)
    is_over = at >= payment.confirm_until
    is_needless = payment.invoice.status not in PAYABLE
    if outcome.status == "unconfirmed" or (outcome.status == "needs_confirmation" and (is_over or is_needless)):
        return gateway.cancel_intent(intent_id)
    return outcome


def resolve_refund(refund: Refund, at: datetime, actor: User | None = None) -> bool:
    """Whether the refund has its outcome now. One that was never at the gateway is made, under its key."""
    if refund.payment is None:  # paid out outside, so that no gateway knows of it
        return False
    try:
        outcome = _refund_outcome(get_gateway(refund.payment.gateway), refund, refund.payment.gateway_id)
    except GatewayTimeoutError as error:
        logger.warning("refund %s is unknown: %s", refund.pk, error.description)
        Refund.objects.filter(pk=refund.pk, status=RefundStatus.PENDING).update(status=RefundStatus.UNKNOWN)
        return False
    except GatewayError as error:
        logger.warning("refund %s stays %s: %s", refund.pk, refund.status, error.description)
        return False
    settled = record_refund(refund_id=refund.pk, outcome=outcome, at=at, actor=actor)
    return settled.status not in REFUNDING


def _refund_outcome(gateway: Gateway, refund: Refund, intent_id: str) -> Outcome:
    known = gateway.find_refund(refund.key, intent_id=intent_id) if refund.checks > 1 else None
    return known or gateway.refund(key=refund.key, intent_id=intent_id, amount=refund.amount)
