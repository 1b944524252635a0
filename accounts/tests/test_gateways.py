import threading
from datetime import date

import pytest
from django.db import connection, transaction

from accounts.gateways import decline_message, get_gateway
from accounts.gateways.sandbox import TEST_CARDS, SandboxGateway, keep_card
from accounts.models import SandboxIntent, SandboxSession
from accounts.tests.cards import CONFIRMS, DECLINES, LOSES_ANSWER, NO_FUNDS, TIMES_OUT, VISA
from accounts.tests.gateway_contract import Bench, GatewayContract

SANDBOX_NUMBERS = {
    "succeeds": VISA,
    "declines": DECLINES,
    "lacks funds": NO_FUNDS,
    "needs confirmation": CONFIRMS,
    "loses the answer": LOSES_ANSWER,
    "times out": TIMES_OUT,
}


def enter_sandbox_card(gateway_id, card):
    number = SANDBOX_NUMBERS[card]
    keep_card(gateway_id, behaviour=TEST_CARDS[number], last4=number[-4:], expires=date(2030, 4, 1))


@pytest.fixture(params=["sandbox"])
def bench(request, db):
    return Bench(get_gateway(request.param), {"sandbox": enter_sandbox_card}[request.param])


class TestGateways(GatewayContract):
    """Every gateway keeps the contract."""


def test_it_knows_no_other_gateway():
    with pytest.raises(KeyError):
        get_gateway("monopoly")


def test_it_keeps_a_card_once_per_visit(db):
    session = SandboxSession.objects.create(return_url="/", cancel_url="/")
    visa = TEST_CARDS[VISA]

    assert keep_card(session.session_id, behaviour=visa, last4="4242", expires=date(2030, 4, 1))
    assert not keep_card(session.session_id, behaviour=visa, last4="4242", expires=date(2031, 4, 1))
    session.refresh_from_db()
    assert session.exp_year == 2030


@pytest.mark.django_db(transaction=True)
def test_it_is_never_called_inside_a_transaction():
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        SandboxGateway().create_intent(key="k", amount=100, currency="USD", token="t")


@pytest.mark.django_db(transaction=True)
def test_it_makes_one_intent_when_asked_twice_at_once():
    bench = Bench(SandboxGateway(), enter_sandbox_card)
    token, ready, intents = bench.token("succeeds"), threading.Barrier(2), []

    def ask():
        ready.wait(10)
        intents.append(bench.gateway.create_intent(key="invoice:7:payment:1", amount=1, currency="USD", token=token))
        connection.close()

    callers = [threading.Thread(target=ask) for _ in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(10)

    assert intents == [SandboxIntent.objects.get().intent_id] * 2


@pytest.mark.parametrize("code", ["card_declined", "insufficient_funds", "never_heard_of"])
def test_it_puts_a_decline_in_plain_words(code):
    message = decline_message(code)

    assert message.endswith(".")
    assert "_" not in message
