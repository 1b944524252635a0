"""Refunds are taken to the gateway by their key; an answer nobody heard is retrieved, never asked for anew."""

import logging
from datetime import datetime

from django.db import transaction

from accounts.gateways import get_gateway
from accounts.gateways.base import Gateway, GatewayError, GatewayTimeoutError, Outcome
from invoices.checking import next_check
from invoices.models import REFUNDING, Refund, RefundStatus
from invoices.services.record_refund import record_refund

logger = logging.getLogger(__name__)


def reconcile_refunds(*, at: datetime, limit: int = 100) -> int:
    """How many of the refunds due for a question got their outcome. Runs outside any transaction.

    The first question makes the refund. Later ones look for it under its key; only where the gateway has none is it
    made, with the same key. No answer: asked again after 1 min, 5 min, 1 h, then daily.
    """
    return sum(_resolve(refund, at) for refund in _claim(at, limit))


@transaction.atomic
def _claim(at: datetime, limit: int) -> list[Refund]:
    """Take what is due and move its next question ahead, so that no other worker asks at the same time."""
    waiting = Refund.objects.filter(status__in=REFUNDING, check_at__lte=at).order_by("check_at", "pk")
    rows = waiting.select_related("payment").select_for_update(of=("self",), skip_locked=True, no_key=True)
    refunds = list(rows[:limit])
    for refund in refunds:
        refund.check_at = next_check(refund.checks, at)
        refund.checks += 1
        refund.save(update_fields=["check_at", "checks"])
    return refunds


def _resolve(refund: Refund, at: datetime) -> bool:
    if refund.payment is None:  # paid out outside, so that no gateway knows of it
        return False
    try:
        outcome = _outcome(get_gateway(refund.payment.gateway), refund, refund.payment.gateway_id)
    except GatewayTimeoutError as error:
        logger.warning("refund %s is unknown: %s", refund.pk, error.description)
        Refund.objects.filter(pk=refund.pk, status=RefundStatus.PENDING).update(status=RefundStatus.UNKNOWN)
        return False
    except GatewayError as error:
        logger.warning("refund %s stays %s: %s", refund.pk, refund.status, error.description)
        return False
    settled = record_refund(refund_id=refund.pk, outcome=outcome, at=at)
    return settled.status not in REFUNDING


def _outcome(gateway: Gateway, refund: Refund, intent_id: str) -> Outcome:
    known = gateway.find_refund(refund.key) if refund.checks > 1 else None
    return known or gateway.refund(key=refund.key, intent_id=intent_id, amount=refund.amount)
