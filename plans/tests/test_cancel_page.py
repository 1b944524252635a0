"""What «Cancel Plan» says: what is still owed, what the final invoice does, and what stays."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from accounts.gateways.base import Outcome
from core.clock import travel_to
from invoices.services.collect_payment import collect_payment
from invoices.services.record_payment import record_payment
from invoices.tests.cast import open_invoice
from invoices.tests.test_selling import bought

LATER = datetime(2026, 10, 31, 14, 5, tzinfo=UTC)
STILL_DUE = "which is still due. We stop new charges."


@pytest.fixture(autouse=True)
def _now():
    with travel_to(LATER):
        yield


@pytest.fixture
def shown(as_alice):
    return lambda: as_alice.get(reverse("plan_cancel")).text


def test_a_purchase_that_nobody_has_paid_is_no_debt(plus, customer, shown):
    bought(customer, LATER)

    assert STILL_DUE not in shown()


def test_it_says_when_the_card_is_tried_again_for_what_is_past_due(plus, customer, shown):
    invoice = open_invoice(customer, 300)
    payment = collect_payment(invoice_id=invoice.pk, at=LATER, automatic=True)
    record_payment(payment_id=payment.pk, outcome=Outcome("declined", "card_declined"), at=LATER)

    why = "The bank declined the card. Use another card or ask the bank."
    said = f"{invoice.number} ($3.00), {STILL_DUE} {why} We&#x27;ll try again on 3 Nov 2026.</span>"
    assert said in shown()


def test_what_was_never_tried_is_still_due_and_no_more(plus, customer, shown):
    open_invoice(customer, 300, collection="send_invoice")

    assert f"{STILL_DUE}</span>" in shown()
