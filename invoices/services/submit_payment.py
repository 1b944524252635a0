"""One committed payment is taken to the gateway: intent, its id committed, confirmed, outcome recorded."""

from datetime import datetime

from django.db.models import Exists, OuterRef

from accounts.gateways import get_gateway
from accounts.gateways.base import (
    AmountNotChargeableError,
    Gateway,
    GatewayTimeoutError,
    GatewayUnavailableError,
    Outcome,
)
from invoices.checking import first_check
from invoices.models import Invoice, Payment, PaymentStatus
from invoices.rules import PAYABLE
from invoices.services.record_payment import record_payment


def submit_payment(*, payment_id: int, at: datetime) -> Payment:
    """Try the payment at most once, whoever calls how often; the payment as it stands afterwards.

    Runs outside any transaction, by the customer's own clock. Only the caller whose intent id is committed confirms it.
    A lost answer makes the payment *unknown*, to be retrieved at `check_at`; where the gateway was never reached it
    stays *pending* till then.
    """
    payment = Payment.objects.select_related("payment_method", "customer").get(pk=payment_id)
    at = payment.customer.present(at)
    if payment.status != PaymentStatus.PENDING or payment.gateway_id or payment.payment_method is None:
        return payment
    gateway = get_gateway(payment.gateway)
    try:
        intent_id = gateway.create_intent(
            key=payment.key, amount=payment.amount, currency=payment.currency, token=payment.payment_method.token
        )
    except AmountNotChargeableError:  # no card of this processor ever pays it: said, and not tried again
        return record_payment(payment_id=payment_id, outcome=Outcome("declined", "amount_not_chargeable"), at=at)
    except (GatewayTimeoutError, GatewayUnavailableError):
        return payment
    if not _claim(payment, intent_id):
        return Payment.objects.get(pk=payment_id)
    return _confirm(gateway, payment, intent_id, at)


def _claim(payment: Payment, intent_id: str) -> bool:
    """Commit the intent's id. 0 rows: somebody else did, gave the payment up, or paid the invoice meanwhile."""
    mine = Payment.objects.filter(pk=payment.pk, status=PaymentStatus.PENDING, gateway_id="")
    mine = mine.filter(Exists(Invoice.objects.filter(pk=OuterRef("invoice"), status__in=PAYABLE)))
    return mine.update(gateway_id=intent_id) == 1


def _confirm(gateway: Gateway, payment: Payment, intent_id: str, at: datetime) -> Payment:
    try:
        outcome = gateway.confirm_intent(intent_id)
    except (GatewayTimeoutError, GatewayUnavailableError):
        waiting = Payment.objects.filter(pk=payment.pk, status=PaymentStatus.PENDING)
        waiting.update(status=PaymentStatus.UNKNOWN, check_at=first_check(at))
        return Payment.objects.get(pk=payment.pk)
    return record_payment(payment_id=payment.pk, outcome=outcome, at=at)
