import pytest
from django.db import transaction

from accounts.gateways import decline_message, get_gateway
from accounts.gateways.sandbox import SandboxGateway
from accounts.tests.cards import (
    CONFIRMS,
    DECLINES,
    LOSES_ANSWER,
    NO_FUNDS,
    REFUNDS_FAIL,
    REFUNDS_LATER,
    TIMES_OUT,
    VISA,
)
from accounts.tests.gateway_contract import Bench, GatewayContract
from accounts.tests.gateway_faults import FaultContract

NUMBERS = {
    "succeeds": VISA,
    "declines": DECLINES,
    "lacks funds": NO_FUNDS,
    "needs confirmation": CONFIRMS,
    "loses the answer": LOSES_ANSWER,
    "times out": TIMES_OUT,
    "refunds take a while": REFUNDS_LATER,
    "refunds fail": REFUNDS_FAIL,
}


@pytest.fixture(params=["sandbox", "stripe"])
def bench(request, db, settings, monkeypatch, processor):
    """Stripe's own name, key and secret lead to the same processor over loopback."""
    settings.STRIPE_API_BASE, settings.STRIPE_API_KEY = processor.url, "sk_test_loopback"
    settings.STRIPE_WEBHOOK_SECRET = "whsec_loopback"
    if request.param == "stripe":
        monkeypatch.setattr(processor, "webhook_secret", settings.STRIPE_WEBHOOK_SECRET)
    return Bench(get_gateway(request.param), processor, NUMBERS)


class TestGateways(GatewayContract):
    """Every gateway keeps the contract."""


class TestFaults(FaultContract):
    """Also where the processor does not."""


def test_it_knows_no_other_gateway():
    with pytest.raises(KeyError):
        get_gateway("monopoly")


@pytest.mark.django_db(transaction=True)
def test_it_is_never_called_inside_a_transaction():
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
        SandboxGateway().create_intent(key="k", amount=100, currency="USD", token="t")


@pytest.mark.parametrize("code", ["card_declined", "insufficient_funds", "never_heard_of"])
def test_it_puts_a_decline_in_plain_words(code):
    message = decline_message(code)

    assert message.endswith(".")
    assert "_" not in message
