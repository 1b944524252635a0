"""The part of the contract that tells: the processor's own books, in every currency, and its events.

Run by test_gateways.py for every gateway.
"""

import time
from datetime import timedelta

import pytest

from accounts.gateways.base import GatewayConflictError, SignatureError
from core.clock import travel_to
from processor.webhooks import sign


class BooksContract:
    def test_it_shows_the_processors_books_oldest_first(self, bench):
        charged = bench.charged()
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
    def test_it_charges_to_the_last_digit_or_refuses(self, bench, currency):
        """Never something near it. Stripe's last digit is always 0; the sandbox takes any."""
        asked = {"key": "k", "amount": 4_995, "currency": currency, "token": bench.token("succeeds")}
        if bench.gateway.name == "sandbox":
            assert bench.gateway.confirm_intent(bench.gateway.create_intent(**asked)).status == "succeeded"
            assert [line.amount for line in bench.journal()] == [4_995]
            return
        with pytest.raises(GatewayConflictError, match="last digit"):
            bench.gateway.create_intent(**asked)

    # --- what the processor tells by itself ---------------------------------------------------------------------------

    def test_it_reads_what_the_processor_tells(self, bench):
        intent = bench.charged()
        bench.gateway.refund(key="credit:9:refund:1", intent_id=intent, amount=900)
        bench.processor.open_dispute(intent)
        events = [bench.gateway.read_event(*each) for each in bench.told()]

        assert [(event.type, event.intent_id, event.key) for event in events] == [
            ("checkout.session.completed", "", "cus_1"),
            ("payment_intent.succeeded", intent, "invoice:7:payment:1"),
            ("charge.refunded", intent, "invoice:7:payment:1"),
            ("refund.created", intent, "credit:9:refund:1"),
            ("charge.dispute.created", intent, ""),
        ]
        assert events[1].object_id == intent
        assert (events[1].data["amount"], events[1].data["status"]) == (4_900, "succeeded")
        assert "secret" not in str(events)

    @pytest.mark.parametrize("wrong", ["payload", "signature", "secret", "time", "nothing", "nonsense"])
    def test_it_refuses_what_the_processor_did_not_sign(self, bench, wrong, monkeypatch):
        bench.charged()
        if wrong == "secret":
            monkeypatch.setattr(bench.processor, "webhook_secret", "whsec_of_somebody_else")
        payload, signature = bench.told()[-1]
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
