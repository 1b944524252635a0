"""Payments that were given up here and charged at the processor, whose event never came: found in its journal."""

import logging
from datetime import datetime

from accounts.gateways.base import GatewayError
from invoices.models import CHARGED, Payment
from invoices.reconciling import differences
from invoices.resolving import look_at_payment

logger = logging.getLogger(__name__)


def find_late_successes(*, at: datetime) -> int:
    """How many were found in the last 35 days; each pays its invoice or goes back. Runs outside any transaction.

    Recorded by `record_payment`, so a repeat finds nothing. Every other difference is for people (`check_books`).
    """
    late = [(each.late.pk, each.intent_id) for each in differences(at) if each.late is not None]
    return sum(_record(payment_id, intent_id, at) for payment_id, intent_id in late)


def _record(payment_id: int, intent_id: str, at: datetime) -> bool:
    payment = Payment.objects.select_related("customer", "invoice").get(pk=payment_id)
    try:
        return look_at_payment(payment, payment.customer.present(at), intent_id).status in CHARGED
    except GatewayError as error:
        logger.warning("payment %s stays %s: %s", payment.pk, payment.status, error.description)
        return False
