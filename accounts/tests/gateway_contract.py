"""What every gateway has to do, whichever processor stands behind it. Run by test_gateways.py for each.

A `Bench` names cards by what they should do and knows how a person would enter one at that processor.
"""

from dataclasses import dataclass

import pytest

from accounts.gateways.base import Gateway, GatewayConflictError, GatewayTimeoutError, Outcome
from billing_portal.pytest_processor import TestProcessor


@dataclass(frozen=True)
class Bench:
    gateway: Gateway
    processor: TestProcessor
    numbers: dict[str, str]

    def enter_card(self, gateway_id: str, card: str) -> None:
        self.processor.enter_card(gateway_id, self.numbers[card])

    def setup(self, gateway_customer: str = "") -> str:
        start = self.gateway.start_setup(
            customer_key="cus_1",
            return_url="http://testserver/back/",
            cancel_url="http://testserver/cancel/",
            gateway_customer=gateway_customer,
        )
        assert start.url
        return start.gateway_id

    def token(self, card: str) -> str:
        gateway_id = self.setup()
        self.enter_card(gateway_id, card)
        details = self.gateway.retrieve_setup(gateway_id)
        assert details is not None
        return details.token

    def intent(self, card: str = "succeeds", key: str = "invoice:7:payment:1") -> str:
        return self.gateway.create_intent(key=key, amount=4_900, currency="USD", token=self.token(card))


class GatewayContract:
    """Subclassed by nothing: pytest collects it through test_gateways.py."""

    def test_it_knows_no_card_before_one_is_entered(self, bench):
        assert bench.gateway.retrieve_setup(bench.setup()) is None

    def test_it_tells_what_people_need_to_recognise_a_card(self, bench):
        gateway_id = bench.setup()
        bench.enter_card(gateway_id, "succeeds")
        details = bench.gateway.retrieve_setup(gateway_id)

        assert (details.brand, details.last4, details.exp_month, details.exp_year) == ("Visa", "4242", 4, 2030)
        assert "424242424242" not in details.token + details.fingerprint

    def test_it_gives_the_same_card_another_token_and_the_same_fingerprint(self, bench):
        first, second = bench.setup(), bench.setup()
        bench.enter_card(first, "succeeds")
        bench.enter_card(second, "succeeds")
        one, two = bench.gateway.retrieve_setup(first), bench.gateway.retrieve_setup(second)

        assert one.fingerprint == two.fingerprint
        assert one.token != two.token

    def test_it_charges_nothing_before_it_is_told_to(self, bench):
        assert bench.gateway.retrieve_intent(bench.intent()) == Outcome("unconfirmed")

    def test_it_charges_a_good_card(self, bench):
        intent = bench.intent()

        assert bench.gateway.confirm_intent(intent) == Outcome("succeeded")
        assert bench.gateway.retrieve_intent(intent) == Outcome("succeeded")

    def test_it_makes_one_intent_per_key(self, bench):
        token = bench.token("succeeds")
        asked = {"key": "invoice:7:payment:1", "amount": 4_900, "currency": "USD", "token": token}

        assert bench.gateway.create_intent(**asked) == bench.gateway.create_intent(**asked)

    def test_it_refuses_a_key_for_another_amount(self, bench):
        token = bench.token("succeeds")
        bench.gateway.create_intent(key="invoice:7:payment:1", amount=4_900, currency="USD", token=token)

        with pytest.raises(GatewayConflictError):
            bench.gateway.create_intent(key="invoice:7:payment:1", amount=5_000, currency="USD", token=token)

    def test_it_finds_an_intent_by_its_key(self, bench):
        assert bench.gateway.find_intent("invoice:7:payment:1") is None
        intent = bench.intent()

        assert bench.gateway.find_intent("invoice:7:payment:1") == intent

    def test_it_charges_once_however_often_it_is_confirmed(self, bench):
        intent = bench.intent()
        outcomes = [bench.gateway.confirm_intent(intent) for _ in range(3)]

        assert outcomes == [Outcome("succeeded")] * 3

    @pytest.mark.parametrize(("card", "code"), [("declines", "card_declined"), ("lacks funds", "insufficient_funds")])
    def test_it_says_why_a_card_was_declined(self, bench, card, code):
        intent = bench.intent(card)

        assert bench.gateway.confirm_intent(intent) == Outcome("declined", code)
        assert bench.gateway.retrieve_intent(intent) == Outcome("declined", code)

    def test_it_says_that_the_bank_wants_a_confirmation(self, bench):
        assert bench.gateway.confirm_intent(bench.intent("needs confirmation")).status == "needs_confirmation"

    def test_it_can_be_asked_again_when_an_answer_was_lost(self, bench):
        intent = bench.intent("loses the answer")

        with pytest.raises(GatewayTimeoutError):
            bench.gateway.confirm_intent(intent)
        assert bench.gateway.retrieve_intent(intent) == Outcome("succeeded")

    def test_it_can_be_asked_again_when_nothing_was_charged(self, bench):
        intent = bench.intent("times out")

        with pytest.raises(GatewayTimeoutError):
            bench.gateway.confirm_intent(intent)
        assert bench.gateway.retrieve_intent(intent) == Outcome("unconfirmed")

    def test_it_never_charges_what_was_cancelled(self, bench):
        intent = bench.intent()

        assert bench.gateway.cancel_intent(intent) == Outcome("canceled")
        assert bench.gateway.confirm_intent(intent) == Outcome("canceled")

    def test_it_gives_up_what_the_bank_was_to_confirm(self, bench):
        intent = bench.intent("needs confirmation")
        bench.gateway.confirm_intent(intent)

        assert bench.gateway.cancel_intent(intent) == Outcome("canceled")

    def test_it_does_not_cancel_what_was_charged(self, bench):
        intent = bench.intent()
        bench.gateway.confirm_intent(intent)

        assert bench.gateway.cancel_intent(intent) == Outcome("succeeded")

    def test_it_refuses_an_intent_it_does_not_know(self, bench):
        with pytest.raises(GatewayConflictError):
            bench.gateway.retrieve_intent("unknown")

    def charged(self, bench, card="succeeds"):
        intent = bench.intent(card)
        try:
            bench.gateway.confirm_intent(intent)
        except GatewayTimeoutError:
            assert card == "loses the answer"
        return intent

    def test_it_gives_back_part_of_a_charge(self, bench):
        intent = self.charged(bench)

        assert bench.gateway.find_refund("credit:9:refund:1") is None
        assert bench.gateway.refund(key="credit:9:refund:1", intent_id=intent, amount=900) == Outcome("succeeded")
        assert bench.gateway.find_refund("credit:9:refund:1") == Outcome("succeeded")

    def test_it_gives_back_once_however_often_it_is_asked(self, bench):
        asked = {"key": "credit:9:refund:1", "intent_id": self.charged(bench), "amount": 4_000}

        assert [bench.gateway.refund(**asked) for _ in range(3)] == [Outcome("succeeded")] * 3

    def test_it_never_gives_back_more_than_was_charged(self, bench):
        intent = self.charged(bench)
        bench.gateway.refund(key="credit:9:refund:1", intent_id=intent, amount=4_000)

        assert bench.gateway.refund(key="credit:9:refund:2", intent_id=intent, amount=901).status == "declined"
        assert bench.gateway.refund(key="credit:9:refund:3", intent_id=intent, amount=900) == Outcome("succeeded")

    def test_it_refuses_a_key_for_another_refund(self, bench):
        intent = self.charged(bench)
        bench.gateway.refund(key="credit:9:refund:1", intent_id=intent, amount=100)

        with pytest.raises(GatewayConflictError):
            bench.gateway.refund(key="credit:9:refund:1", intent_id=intent, amount=200)

    def test_it_gives_nothing_back_of_what_was_not_charged(self, bench):
        with pytest.raises(GatewayConflictError):
            bench.gateway.refund(key="credit:9:refund:1", intent_id=bench.intent(), amount=100)

    def test_it_can_be_asked_for_a_refund_whose_answer_was_lost(self, bench):
        intent = self.charged(bench, "loses the answer")

        with pytest.raises(GatewayTimeoutError):
            bench.gateway.refund(key="credit:9:refund:1", intent_id=intent, amount=100)
        assert bench.gateway.find_refund("credit:9:refund:1") == Outcome("succeeded")
