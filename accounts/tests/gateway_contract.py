"""What every gateway has to do, whichever processor stands behind it. Run by test_gateways.py for each.

A `Bench` names cards by what they should do and knows how a person would enter one at that processor.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from accounts.gateways.base import GatewayConflictError, GatewayTimeoutError, Outcome, SignatureError
from core.clock import travel_to
from processor.webhooks import sign

if TYPE_CHECKING:
    from accounts.gateways.base import Gateway, JournalEntry, SetupStart
    from billing_portal.pytest_processor import TestProcessor


EVER, EVER_AFTER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
BACK = "http://testserver/back/"


@dataclass(frozen=True)
class Bench:
    gateway: Gateway
    processor: TestProcessor
    numbers: dict[str, str]

    def enter_card(self, gateway_id: str, card: str) -> None:
        self.processor.enter_card(gateway_id, self.numbers[card])

    def start(self, gateway_customer: str = "") -> SetupStart:
        return self.gateway.start_setup(
            customer_key="cus_1",
            return_url="http://testserver/back/",
            cancel_url="http://testserver/cancel/",
            gateway_customer=gateway_customer,
        )

    def setup(self) -> str:
        start = self.start()
        assert start.url
        return start.gateway_id

    def journal(self, since: datetime = EVER, until: datetime = EVER_AFTER) -> list[JournalEntry]:
        return list(self.gateway.journal(since=since, until=until))

    def token(self, card: str) -> str:
        gateway_id = self.setup()
        self.enter_card(gateway_id, card)
        details = self.gateway.retrieve_setup(gateway_id)
        assert details is not None
        return details.token

    def intent(self, card: str = "succeeds", key: str = "invoice:7:payment:1") -> str:
        return self.gateway.create_intent(key=key, amount=4_900, currency="USD", token=self.token(card))


class GatewayContract:
    """Collected through test_gateways.py. What it does not say of faults stands in FaultContract."""

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

    # --- the processor's customer -------------------------------------------------------------------------------------

    def test_it_makes_one_customer_for_two_tabs(self, bench):
        first, second = bench.start(), bench.start()

        assert first.gateway_customer == second.gateway_customer != ""
        assert first.gateway_id != second.gateway_id

    def test_it_uses_the_customer_that_is_known(self, bench):
        known = bench.start().gateway_customer

        assert bench.start(known).gateway_customer == known
        assert len(bench.processor.objects("customer")) == 1

    def test_it_makes_a_customer_anew_where_the_processor_forgot_it(self, bench):
        start = bench.start("cus_forgotten")

        assert start.gateway_customer not in {"", "cus_forgotten"}
        assert start.url

    def test_it_charges_a_card_of_a_customer_who_has_another_id_by_now(self, bench):
        old = bench.token("succeeds")
        bench.start("cus_forgotten")

        intent = bench.gateway.create_intent(key="k", amount=100, currency="USD", token=old)
        assert bench.gateway.confirm_intent(intent) == Outcome("succeeded")

    # --- the bank's confirmation --------------------------------------------------------------------------------------

    def waiting_for_the_bank(self, bench):
        intent = bench.intent("needs confirmation")
        bench.gateway.confirm_intent(intent)
        return intent

    def test_it_leads_to_the_bank_and_charges_what_is_confirmed_there(self, bench):
        intent = self.waiting_for_the_bank(bench)
        url = bench.gateway.confirmation_url(intent, return_url=BACK)

        assert bench.gateway.retrieve_intent(intent) == Outcome("needs_confirmation")
        answer = bench.processor.post(url, {"answer": "confirm"})
        assert answer.headers["Location"].startswith(f"{BACK}?payment_intent={intent}")
        assert bench.gateway.retrieve_intent(intent) == Outcome("succeeded")
        assert bench.gateway.confirm_intent(intent) == Outcome("succeeded"), "not the answer of the first time"

    def test_it_leads_to_the_same_bank_twice(self, bench):
        intent = self.waiting_for_the_bank(bench)
        urls = {bench.gateway.confirmation_url(intent, return_url=BACK) for _ in range(2)}

        assert len(urls) == 1

    def test_it_says_that_the_person_refused_at_the_bank(self, bench):
        intent = self.waiting_for_the_bank(bench)
        bench.processor.post(bench.gateway.confirmation_url(intent, return_url=BACK), {"answer": "refuse"})

        assert bench.gateway.retrieve_intent(intent) == Outcome("declined", "payment_intent_authentication_failure")

    @pytest.mark.parametrize("card", ["succeeds", "declines"])
    def test_it_leads_to_no_bank_where_nothing_is_to_be_confirmed(self, bench, card):
        intent = bench.intent(card)
        bench.gateway.confirm_intent(intent)

        assert bench.gateway.confirmation_url(intent, return_url=BACK) is None

    def test_it_never_charges_at_the_bank_what_was_given_up(self, bench):
        intent = self.waiting_for_the_bank(bench)
        url = bench.gateway.confirmation_url(intent, return_url=BACK)
        bench.gateway.cancel_intent(intent)

        assert "doesn’t wait for you" in bench.processor.post(url, {"answer": "confirm"}).body.decode()
        assert bench.gateway.retrieve_intent(intent) == Outcome("canceled")

    # --- refunds that take their time ---------------------------------------------------------------------------------

    def test_it_says_that_a_refund_is_not_settled_yet(self, bench):
        intent = self.charged(bench, "refunds take a while")
        asked = {"key": "credit:9:refund:1", "intent_id": intent, "amount": 400}

        assert bench.gateway.refund(**asked) == Outcome("unconfirmed")
        bench.processor.settle_refunds()
        assert bench.gateway.find_refund(asked["key"], intent_id=intent) == Outcome("succeeded")

    def test_it_says_that_a_refund_failed_later(self, bench):
        intent = self.charged(bench, "refunds fail")
        asked = {"key": "credit:9:refund:1", "intent_id": intent, "amount": 4_900}

        assert bench.gateway.refund(**asked) == Outcome("succeeded")
        bench.processor.settle_refunds()
        assert bench.gateway.find_refund(asked["key"]) == Outcome("declined", "expired_or_canceled_card")
        assert bench.gateway.refund(**asked | {"key": "credit:9:refund:2"}) == Outcome("succeeded"), "all is left again"

    def test_it_does_not_know_what_the_processor_is_still_at_work_on(self, bench):
        intent = bench.intent()
        bench.processor.change(intent, status="processing")

        for ask in (bench.gateway.retrieve_intent, bench.gateway.confirm_intent, bench.gateway.cancel_intent):
            with pytest.raises(GatewayTimeoutError):
                ask(intent)
        assert [line.status for line in bench.journal()] == ["unconfirmed"]

    # --- the second set of books --------------------------------------------------------------------------------------

    def test_it_shows_the_processors_books_oldest_first(self, bench):
        charged = self.charged(bench)
        bench.gateway.confirm_intent(bench.intent("declines", key="invoice:8:payment:1"))
        bench.gateway.refund(key="credit:9:refund:1", intent_id=charged, amount=900)
        lines = bench.journal()

        assert [(line.kind, line.key, line.amount, line.currency, line.status) for line in lines] == [
            ("charge", "invoice:7:payment:1", 4_900, "USD", "succeeded"),
            ("charge", "invoice:8:payment:1", 4_900, "USD", "declined"),
            ("refund", "credit:9:refund:1", 900, "USD", "succeeded"),
        ]
        assert lines[0].gateway_id == charged

    def test_it_shows_the_lines_of_a_window_alone(self, bench, at):
        for number, moment in enumerate([at, at + timedelta(hours=1), at + timedelta(hours=2)]):
            with travel_to(moment):
                bench.intent(key=f"invoice:{number}:payment:1")

        lines = bench.journal(since=at + timedelta(hours=1), until=at + timedelta(hours=2))
        assert [(line.key, line.at) for line in lines] == [("invoice:1:payment:1", at + timedelta(hours=1))]

    def test_it_reads_books_of_many_pages(self, bench):
        token = bench.token("succeeds")
        for number in range(101):
            bench.gateway.create_intent(key=f"k:{number}", amount=100, currency="USD", token=token)

        assert [line.key for line in bench.journal()] == [f"k:{number}" for number in range(101)]
        assert bench.gateway.find_intent("k:0", token=token) is not None

    @pytest.mark.parametrize(
        ("currency", "amount", "there"),
        [
            *[("USD", 4_900, 4_900), ("JPY", 4_900, 4_900), ("KRW", 1, 1), ("KWD", 4_990, 4_990)],
            *[
                ("BHD", 10, 10),
                ("OMR", 1_000, 1_000),
                ("ISK", 49, 4_900),
                ("UGX", 5_000, 500_000),
                ("HUF", 4_900, 4_900),
            ],
        ],
    )
    def test_it_charges_and_gives_back_the_same_in_every_currency(self, bench, currency, amount, there):
        intent = bench.gateway.create_intent(key="k", amount=amount, currency=currency, token=bench.token("succeeds"))
        bench.gateway.confirm_intent(intent)
        bench.gateway.refund(key="r", intent_id=intent, amount=amount)

        assert [line["amount"] for line in bench.processor.store.movements()] == [there, there]
        assert {(line.amount, line.currency) for line in bench.journal()} == {(amount, currency)}

    @pytest.mark.parametrize("currency", ["KWD", "BHD", "JOD"])
    def test_it_refuses_what_can_not_be_charged_to_the_last_digit(self, bench, currency):
        with pytest.raises(GatewayConflictError, match="last digit"):
            bench.gateway.create_intent(key="k", amount=4_995, currency=currency, token=bench.token("succeeds"))

    # --- what the processor tells by itself ---------------------------------------------------------------------------

    def told(self, bench):
        """(payload, signature) of every event that waits."""
        sent = []
        bench.processor.send_webhooks(lambda payload, signature: sent.append((payload, signature)) or 200)
        return sent

    def test_it_reads_what_the_processor_tells(self, bench):
        intent = self.charged(bench)
        bench.gateway.refund(key="credit:9:refund:1", intent_id=intent, amount=900)
        bench.processor.open_dispute(intent)
        events = [bench.gateway.read_event(*each) for each in self.told(bench)]

        assert [(event.type, event.intent_id, event.key) for event in events] == [
            ("checkout.session.completed", "", ""),
            ("payment_intent.succeeded", intent, "invoice:7:payment:1"),
            ("charge.refunded", intent, "invoice:7:payment:1"),
            ("refund.created", intent, "credit:9:refund:1"),
            ("charge.dispute.created", intent, ""),
        ]
        assert events[1].object_id == intent
        assert (events[1].data["amount"], events[1].data["status"]) == (4_900, "succeeded")
        assert "secret" not in str(events)

    def test_it_retrieves_an_event_to_be_handled_again(self, bench):
        self.charged(bench)
        event = bench.gateway.read_event(*self.told(bench)[-1])

        assert bench.gateway.retrieve_event(event.event_id) == event

    @pytest.mark.parametrize("wrong", ["payload", "signature", "secret", "time", "nothing", "nonsense"])
    def test_it_refuses_what_the_processor_did_not_sign(self, bench, wrong, monkeypatch):
        self.charged(bench)
        if wrong == "secret":
            monkeypatch.setattr(bench.processor, "webhook_secret", "whsec_of_somebody_else")
        payload, signature = self.told(bench)[-1]
        forged = {
            "payload": (payload.replace(b"4900", b"4901"), signature),
            "signature": (payload, signature[:-1] + ("0" if signature[-1] != "0" else "1")),
            "secret": (payload, signature),
            "time": (payload, sign(payload, bench.processor.webhook_secret, time.time() - 301)),
            "nothing": (payload, ""),
            "nonsense": (b"\xff not JSON", "t=1,v1=2"),
        }
        with pytest.raises(SignatureError):
            bench.gateway.read_event(*forged[wrong])
