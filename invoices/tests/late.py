"""Payments that were given up and succeed all the same, as only a real processor's insides bring them about."""

from datetime import datetime
from functools import partial

from django.test import Client

from accounts.tests.cards import CONFIRMS, DECLINES, add_card
from invoices.models import Invoice, Payment
from invoices.services.collect_payment import collect_payment
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
