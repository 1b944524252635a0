"""One question to the gateway about a payment or refund nobody knows the outcome of, and its answer as a fact.

Retrieved, never done again. Runs outside any transaction; whoever asks has decided that it is time to.
"""

import logging
from datetime import datetime

from accounts.gateways import get_gateway
from accounts.gateways.base import Gateway, GatewayError, GatewayTimeoutError, Outcome
from accounts.models import User
from invoices.checking import CONFIRMATION_CHECKS
from invoices.models import REFUNDING, UNRESOLVED, Payment, Refund, RefundStatus
from invoices.services.record_payment import record_payment
from invoices.services.record_refund import record_refund

logger = logging.getLogger(__name__)

CANCELED = Outcome("canceled")


def resolve_payment(payment: Payment, at: datetime, actor: User | None = None) -> bool:
    """Whether the payment has its outcome now. No answer: it stays as it is."""
    gateway = get_gateway(payment.gateway)
    try:
        intent_id = payment.gateway_id or gateway.find_intent(payment.key, token=_token(payment))
        outcome = _payment_outcome(gateway, intent_id, payment) if intent_id else CANCELED
    except GatewayError as error:
        logger.warning("payment %s stays %s: %s", payment.pk, payment.status, error.description)
        return False
    settled = record_payment(payment_id=payment.pk, outcome=outcome, at=at, actor=actor, gateway_id=payment.gateway_id)
    return settled.status not in UNRESOLVED


def _token(payment: Payment) -> str:
    return payment.payment_method.token if payment.payment_method else ""


def _payment_outcome(gateway: Gateway, intent_id: str, payment: Payment) -> Outcome:
    outcome = gateway.retrieve_intent(intent_id)
    unasked = outcome.status == "needs_confirmation" and payment.checks >= CONFIRMATION_CHECKS
    if outcome.status == "unconfirmed" or unasked:
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
