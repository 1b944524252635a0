"""Payments that were given up and succeed all the same, as only a real processor's insides bring them about."""

from datetime import datetime
from functools import partial
from typing import Any

from django.test import Client

from accounts.gateways.base import ProcessorEvent
from accounts.tests.cards import CONFIRMS, DECLINES, add_card
from invoices.models import GatewayEvent, Invoice, Payment
from invoices.services.collect_payment import collect_payment
from invoices.services.receive_event import receive_event
from invoices.services.submit_payment import submit_payment
from processor import charges
from processor.cards import BY_NAME


def tried(invoice: Invoice, at: datetime, number: str = DECLINES, *, automatic: bool = False) -> Payment:
    """An attempt with the customer's card of that number, taken to the processor."""
    customer = invoice.customer
    card = customer.payment_methods.live().filter(last4=number[-4:]).first()
    if card is None:
        card = add_card(customer, customer.memberships.order_by("pk")[0].user, at, number)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=automatic, payment_method=card)
    return submit_payment(payment_id=payment.pk, at=at)


def waiting(invoice: Invoice, at: datetime, *, automatic: bool = False) -> Payment:
    """An attempt that waits for the bank's confirmation."""
    return tried(invoice, at, CONFIRMS, automatic=automatic)


def succeeds_after_all(processor, payment: Payment) -> None:
    """What was declined or cancelled is charged: the processor's books move, and it tells so."""
    store = processor.store
    with store.transaction():
        charges.charge(store, store.get("payment_intent", payment.gateway_id), BY_NAME["visa"])


def post_to(gateway: str, payload: bytes, signature: str) -> int:
    """The webhook as it arrives; the status it is answered with."""
    headers = {"Stripe-Signature": signature}
    url = f"/webhooks/{gateway}/"
    answer = Client(enforce_csrf_checks=True).post(url, payload, content_type="application/json", headers=headers)
    return answer.status_code


to_sandbox = partial(post_to, "sandbox")


def event(type_: str = "payment_intent.succeeded", **values: Any) -> ProcessorEvent:
    """What the processor tells, about an intent that nobody knows unless `values` say otherwise."""
    values = {"event_id": "evt_1", "object_id": "pi_1", "intent_id": "pi_1"} | values
    return ProcessorEvent(type=type_, **values)


def kept(status: str | None = None) -> list[str]:
    """Types of the events that are stored, oldest first."""
    rows = GatewayEvent.objects.order_by("pk")
    return list((rows.filter(status=status) if status else rows).values_list("type", flat=True))


def about_payment(
    payment: Payment, at: datetime, type_: str = "payment_intent.succeeded", **values: Any
) -> GatewayEvent:
    """An event about that payment's intent, received."""
    ids = {"object_id": payment.gateway_id, "intent_id": payment.gateway_id, "created_at": at}
    return receive_event(gateway="sandbox", event=event(type_, **(ids | values)), at=at)
