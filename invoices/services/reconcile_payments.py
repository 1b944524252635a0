"""Payments nobody knows the outcome of are resolved by asking the gateway – never by paying again."""

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import F

from accounts.gateways import get_gateway
from accounts.gateways.base import Gateway, GatewayError, Outcome
from invoices.checking import CONFIRMATION_CHECKS, next_check
from invoices.models import UNRESOLVED, Payment
from invoices.services.record_payment import record_payment

logger = logging.getLogger(__name__)

CANCELED = Outcome("canceled")


def reconcile_payments(*, at: datetime, limit: int = 100) -> int:
    """How many of the payments due for a question got their outcome. Runs outside any transaction.

    An intent that was never confirmed is cancelled at the gateway, and so is one whose bank confirmation did not
    come; the invoice may then be paid by a new payment. No answer: asked again after 1 min, 5 min, 1 h, then daily.
    """
    return sum(_resolve(payment, at) for payment in _claim(at, limit))


@transaction.atomic
def _claim(at: datetime, limit: int) -> list[Payment]:
    """Take what is due and move its next question ahead, so that no other worker asks at the same time."""
    waiting = Payment.objects.filter(status__in=UNRESOLVED, check_at__lte=at).order_by("check_at")
    payments = list(waiting.select_for_update(skip_locked=True, no_key=True)[:limit])
    for payment in payments:
        payment.check_at = next_check(payment.checks + 1, at)
        payment.checks = F("checks") + 1
        payment.save(update_fields=["check_at", "checks"])
        payment.refresh_from_db(fields=["checks"])
    return payments


def _resolve(payment: Payment, at: datetime) -> bool:
    gateway = get_gateway(payment.gateway)
    try:
        intent_id = payment.gateway_id or gateway.find_intent(payment.key)
        outcome = _outcome(gateway, intent_id, payment) if intent_id else CANCELED
    except GatewayError as error:
        logger.warning("payment %s stays %s: %s", payment.pk, payment.status, error.description)
        return False
    settled = record_payment(payment_id=payment.pk, outcome=outcome, at=at, gateway_id=payment.gateway_id)
    return settled.status not in UNRESOLVED


def _outcome(gateway: Gateway, intent_id: str, payment: Payment) -> Outcome:
    outcome = gateway.retrieve_intent(intent_id)
    unasked = outcome.status == "needs_confirmation" and payment.checks >= CONFIRMATION_CHECKS
    if outcome.status == "unconfirmed" or unasked:
        return gateway.cancel_intent(intent_id)
    return outcome
