"""What every gateway makes of a processor that answers late, wrongly, twice or not at all. Run by test_gateways.py.

Whatever goes wrong, in whatever call: afterwards the truth can be retrieved, and trying again charges nothing twice.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial

import pytest
from django.db import connection

from accounts.gateways.base import (
    GatewayConflictError,
    GatewayError,
    GatewayTimeoutError,
    GatewayUnavailableError,
    Outcome,
)
from accounts.gateways.stripe import _client

KEY = "invoice:7:payment:1"
SILENCES = ["drop_before", "drop_after", "error_before", "error_after", "rate_limit"]
CALLS = [
    *["start_setup", "retrieve_setup", "create", "confirm", "retrieve", "cancel", "refund", "find", "find_refund"],
    "journal",
]


def at_once(*calls):
    """What each of several threads got."""
    ready, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(number, call):
        ready.wait(10)
        try:
            results[number] = call()
        except GatewayError as error:
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return results


class FaultContract:
    def fail(self, bench, fault, operation="*", times=1):
        bench.processor.plan_faults(rules=[{"fault": fault, "operation": operation, "times": times}], slow_seconds=0.05)

    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize("fault", SILENCES)
    def test_it_does_not_know_what_became_of_a_call_without_an_answer(self, bench, call, fault):
        token, visit = bench.token("succeeds"), bench.setup()
        intent = bench.gateway.create_intent(key="k", amount=4_900, currency="USD", token=token)
        if call == "refund":
            bench.gateway.confirm_intent(intent)
        ask = {
            "start_setup": bench.setup,
            "retrieve_setup": partial(bench.gateway.retrieve_setup, visit),
            "create": partial(bench.gateway.create_intent, key="k2", amount=1, currency="USD", token=token),
            "confirm": partial(bench.gateway.confirm_intent, intent),
            "retrieve": partial(bench.gateway.retrieve_intent, intent),
            "cancel": partial(bench.gateway.cancel_intent, intent),
            "refund": partial(bench.gateway.refund, key="r", intent_id=intent, amount=1),
            "find": partial(bench.gateway.find_intent, "k", token=token),
            "find_refund": partial(bench.gateway.find_refund, "r", intent_id=intent),
            "journal": bench.journal,
        }[call]
        self.fail(bench, fault)
        with pytest.raises(GatewayTimeoutError):
            ask()

    @pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_before", "error_after", "rate_limit"])
    def test_an_intent_whose_answer_was_lost_is_found_where_there_is_one(self, bench, fault):
        token = bench.token("succeeds")
        asked = {"key": KEY, "amount": 4_900, "currency": "USD", "token": token}
        self.fail(bench, fault, "payment_intents.create")
        with pytest.raises(GatewayTimeoutError):
            bench.gateway.create_intent(**asked)
        found = bench.gateway.find_intent(KEY, token=token)

        assert (found is not None) == fault.endswith("after")
        assert bench.gateway.create_intent(**asked) == (found or bench.gateway.find_intent(KEY))
        assert len(bench.journal()) == 1

    @pytest.mark.parametrize("fault", SILENCES)
    def test_a_charge_whose_answer_was_lost_is_retrieved_and_never_made_twice(self, bench, fault):
        intent = bench.intent()
        self.fail(bench, fault, "payment_intents.confirm")
        with pytest.raises(GatewayTimeoutError):
            bench.gateway.confirm_intent(intent)

        assert bench.gateway.retrieve_intent(intent).status == ("succeeded" if "after" in fault else "unconfirmed")
        assert bench.gateway.confirm_intent(intent) == Outcome("succeeded")
        assert len(bench.processor.store.movements()) == 1

    @pytest.mark.parametrize("fault", SILENCES)
    def test_a_cancellation_whose_answer_was_lost_can_be_asked_for_again(self, bench, fault):
        intent = bench.intent()
        self.fail(bench, fault, "payment_intents.cancel")
        with pytest.raises(GatewayTimeoutError):
            bench.gateway.cancel_intent(intent)

        assert bench.gateway.cancel_intent(intent) == Outcome("canceled")

    @pytest.mark.parametrize("fault", SILENCES)
    def test_a_refund_whose_answer_was_lost_is_made_once(self, bench, fault):
        intent = bench.intent()
        bench.gateway.confirm_intent(intent)
        asked = {"key": "r", "intent_id": intent, "amount": 4_000}
        self.fail(bench, fault, "refunds.create")
        with pytest.raises(GatewayTimeoutError):
            bench.gateway.refund(**asked)
        found = bench.gateway.find_refund("r", intent_id=intent)

        assert found == (Outcome("succeeded") if "after" in fault else None)
        assert bench.gateway.refund(**asked) == Outcome("succeeded")
        assert [line["amount"] for line in bench.processor.store.movements()] == [4_900, 4_000]

    @pytest.mark.parametrize("fault", SILENCES)
    def test_a_visit_whose_answer_was_lost_makes_no_second_customer(self, bench, fault):
        self.fail(bench, fault, "customers.create")
        with pytest.raises(GatewayTimeoutError):
            bench.setup()
        bench.setup()

        assert len(bench.processor.objects("customer")) == 1

    @pytest.mark.parametrize("fault", ["twice", "slow"])
    def test_a_request_that_is_handled_twice_or_late_charges_once(self, bench, fault):
        self.fail(bench, fault)
        intent = bench.intent()
        assert bench.gateway.confirm_intent(intent) == Outcome("succeeded")
        assert bench.gateway.refund(key="r", intent_id=intent, amount=900) == Outcome("succeeded")

        assert [line["amount"] for line in bench.processor.store.movements()] == [4_900, 900]
        assert len(bench.processor.objects("payment_intent")) == 1

    def test_a_cancellation_that_is_handled_twice_is_one(self, bench):
        intent = bench.intent()
        self.fail(bench, "twice", "payment_intents.cancel")

        assert bench.gateway.cancel_intent(intent) == Outcome("canceled")

    def test_a_decline_by_the_plan_is_a_decline(self, bench):
        intent = bench.intent()
        self.fail(bench, "decline", "payment_intents.confirm")

        assert bench.gateway.confirm_intent(intent) == Outcome("declined", "card_declined")

    def test_an_answer_that_takes_too_long_is_not_known(self, bench, monkeypatch):
        intent = bench.intent()
        monkeypatch.setattr("accounts.gateways.stripe.TIMEOUT", (1, 0.05))
        bench.processor.plan_faults(rules=[{"fault": "slow", "operation": "payment_intents.confirm"}], slow_seconds=0.3)
        _client.cache_clear()  # a client keeps the patience it was made with
        with pytest.raises(GatewayTimeoutError):
            bench.gateway.confirm_intent(intent)
        _client.cache_clear()

    def test_nothing_happened_where_nobody_listens(self, bench, settings):
        settings.SANDBOX_URL = settings.STRIPE_API_BASE = "http://127.0.0.1:9"
        with pytest.raises(GatewayUnavailableError):
            bench.gateway.retrieve_intent("pi_1")

    def test_a_key_that_is_refused_is_a_fault_for_staff(self, bench, monkeypatch):
        for key in ("sk_live_wrong", "rk_test_may_not_write"):
            account = replace(bench.gateway.account(), api_key=key)
            monkeypatch.setattr(type(bench.gateway), "account", lambda _gateway, account=account: account)
            with pytest.raises(GatewayError) as error:
                bench.setup()
            assert error.type is GatewayError
            assert key not in str(error.value) + repr(account) + error.value.description

    def test_one_intent_is_made_when_asked_twice_at_once(self, bench):
        asked = {"key": KEY, "amount": 4_900, "currency": "USD", "token": bench.token("succeeds")}
        made = at_once(*[partial(bench.gateway.create_intent, **asked)] * 4)

        assert len(set(made)) == 1
        assert len(bench.journal()) == 1

    def test_one_charge_is_made_when_confirmed_at_once(self, bench):
        intent = bench.intent()
        outcomes = at_once(*[partial(bench.gateway.confirm_intent, intent)] * 4)

        assert outcomes == [Outcome("succeeded")] * 4
        assert len(bench.processor.store.movements()) == 1

    def test_a_charge_and_a_cancellation_at_once_end_in_one_of_both(self, bench):
        for number in range(5):
            intent = bench.intent(key=f"k:{number}")
            outcomes = at_once(
                partial(bench.gateway.confirm_intent, intent), partial(bench.gateway.cancel_intent, intent)
            )
            assert outcomes[0] == outcomes[1] == bench.gateway.retrieve_intent(intent)

    def test_two_refunds_at_once_give_back_no_more_than_was_charged(self, bench):
        intent = bench.intent()
        bench.gateway.confirm_intent(intent)
        refund = partial(bench.gateway.refund, intent_id=intent, amount=3_000)
        outcomes = at_once(partial(refund, key="a"), partial(refund, key="b"))

        assert sorted(outcome.status for outcome in outcomes) == ["declined", "succeeded"]

    def test_two_tabs_at_once_get_the_same_customer(self, bench):
        starts = at_once(bench.start, bench.start)

        assert len({start.gateway_customer for start in starts}) == 1
        assert len({start.gateway_id for start in starts}) == 2

    def test_a_card_that_the_processor_does_not_know_is_our_mistake(self, bench):
        known = bench.token("succeeds").partition("/")[0]
        for token in (f"{known}/pm_unknown", "cus_unknown/pm_unknown", "tok_of_another_age"):
            with pytest.raises(GatewayConflictError):
                bench.gateway.create_intent(key=token, amount=100, currency="USD", token=token)
