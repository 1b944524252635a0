"""The adapter against Stripe itself, where STRIPE_TEST_API_KEY holds the key of a test account; else skipped.

The same tests always run against the sandbox processor too, so that they say what is true of both. They need no
browser: cards are Stripe's own named ones (`pm_card_visa`).
"""

import os
from datetime import UTC, datetime, timedelta

import pytest

from accounts.gateways.base import GatewayConflictError, Outcome
from accounts.gateways.stripe import StripeGateway
from core.ids import public_id

TEST_KEY = os.environ.get("STRIPE_TEST_API_KEY", "")
NO_KEY = pytest.mark.skipif(not TEST_KEY.startswith(("sk_test_", "rk_test_")), reason="STRIPE_TEST_API_KEY is not set")


@pytest.fixture(params=["loopback", pytest.param("stripe", marks=NO_KEY)])
def gateway(request, db, settings, processor):
    itself = request.param == "stripe"
    settings.STRIPE_API_KEY = TEST_KEY if itself else "sk_test_loopback"
    settings.STRIPE_API_BASE = "https://api.stripe.com" if itself else processor.url
    return StripeGateway()


@pytest.fixture
def key():
    """Stripe's account is not emptied after a test."""
    return f"test:{public_id('k')}"


@pytest.fixture
def visit(gateway, key):
    urls = {"return_url": "https://portal.example/back", "cancel_url": "https://portal.example/"}
    return gateway.start_setup(customer_key=key, **urls)


@pytest.fixture
def card(gateway, visit):
    """A token for one of Stripe's named test cards."""

    def card(name="pm_card_visa"):
        attached = gateway.api.payment_methods.attach(name, {"customer": visit.gateway_customer})
        return f"{visit.gateway_customer}/{attached.id}"

    return card


def intent_of(gateway, key, token, amount=4_900, currency="USD"):
    return gateway.create_intent(key=key, amount=amount, currency=currency, token=token)


def test_it_opens_a_card_page(gateway, visit):
    assert visit.url.startswith("http")
    assert gateway.retrieve_setup(visit.gateway_id) is None


def test_it_charges_once_and_gives_back(gateway, key, card):
    token = card()
    intent = intent_of(gateway, key, token)
    assert gateway.retrieve_intent(intent) == Outcome("unconfirmed")
    assert [gateway.confirm_intent(intent) for _ in range(2)] == [Outcome("succeeded")] * 2
    assert gateway.cancel_intent(intent) == Outcome("succeeded")
    assert gateway.find_intent(key, token=token) == intent
    assert gateway.refund(key=f"{key}:r", intent_id=intent, amount=900) == Outcome("succeeded")
    assert gateway.find_refund(f"{key}:r", intent_id=intent) == Outcome("succeeded")
    assert gateway.refund(key=f"{key}:s", intent_id=intent, amount=4_001).status == "declined"
    assert gateway.refund(key=f"{key}:t", intent_id=intent, amount=4_000) == Outcome("succeeded")
    assert gateway.refund(key=f"{key}:u", intent_id=intent, amount=1) == Outcome("declined", "charge_already_refunded")


def test_it_makes_one_intent_per_key(gateway, key, card):
    token = card()
    first = intent_of(gateway, key, token)

    assert intent_of(gateway, key, token) == first
    with pytest.raises(GatewayConflictError):
        intent_of(gateway, key, token, amount=5_000)


def test_it_is_declined(gateway, key, card):
    intent = intent_of(gateway, key, card("pm_card_chargeCustomerFail"))

    assert [gateway.confirm_intent(intent) for _ in range(2)] == [Outcome("declined", "card_declined")] * 2


def test_it_leads_to_the_bank(gateway, key, card):
    intent = intent_of(gateway, key, card("pm_card_authenticationRequired"))

    assert gateway.confirm_intent(intent) == Outcome("needs_confirmation")
    assert gateway.confirmation_url(intent, return_url="https://portal.example/pay").startswith("http")
    assert gateway.retrieve_intent(intent) == Outcome("needs_confirmation")
    assert gateway.cancel_intent(intent) == Outcome("canceled")


def test_it_gives_up_what_was_not_confirmed(gateway, key, card):
    intent = intent_of(gateway, key, card())

    assert gateway.cancel_intent(intent) == Outcome("canceled")
    assert gateway.confirm_intent(intent) == Outcome("canceled")


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 4_900), ("ISK", 4_900), ("KWD", 4_990)])
def test_its_books_show_our_amounts(gateway, key, card, currency, amount):
    now = datetime.now(UTC)
    gateway.confirm_intent(intent_of(gateway, key, card(), amount, currency))
    lines = gateway.journal(since=now - timedelta(minutes=5), until=now + timedelta(minutes=5))

    assert [(line.amount, line.currency, line.status) for line in lines if line.key == key] == [
        (amount, currency, "succeeded")
    ]


@pytest.mark.parametrize("name", ["pm_card_refundFail", "pm_card_pendingRefund"])
def test_it_makes_a_refund_that_is_not_the_last_word(gateway, key, card, name):
    intent = intent_of(gateway, key, card(name))
    gateway.confirm_intent(intent)

    assert gateway.refund(key=f"{key}:r", intent_id=intent, amount=100).status in {"succeeded", "unconfirmed"}


def test_it_knows_nothing_of_what_is_not_there(gateway):
    with pytest.raises(GatewayConflictError):
        gateway.retrieve_intent("pi_unknown")
