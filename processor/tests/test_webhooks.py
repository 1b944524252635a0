"""Events on their way: signed, sent again until they are taken, and what only a sandbox can be told."""

import hmac
import json

from processor import webhooks
from processor.tests.conftest import VISA


def kinds(processor):
    return [event["type"] for event in processor.objects("event")]


def test_it_signs_what_it_sends(api, processor):
    processor.enter_card(api.session()["id"], VISA)
    sent = []
    processor.send_webhooks(lambda payload, signature: sent.append((payload, signature)) or 200)

    [(payload, signature)] = sent
    stamp, _, digest = signature.removeprefix("t=").partition(",v1=")
    expected = hmac.new(b"whsec_sandbox", f"{stamp}.".encode() + payload, "sha256").hexdigest()
    assert digest == expected
    assert json.loads(payload)["type"] == "checkout.session.completed"


def test_it_sends_again_what_was_not_taken(api, processor):
    api.charged()
    answers = iter([500, 0, 200, 200])
    posted = []

    def post(payload, _signature):
        posted.append(json.loads(payload)["type"])
        return next(answers)

    assert processor.send_webhooks(post) == 0
    assert webhooks.waiting(processor.store, before=0) == [], "not at once"
    assert processor.send_webhooks(post) == 2
    assert processor.send_webhooks(post) == 0
    assert posted == ["checkout.session.completed", "payment_intent.succeeded"] * 2


def test_it_waits_longer_each_time_and_gives_up_in_the_end(api, processor):
    processor.enter_card(api.session()["id"], VISA)
    for _ in range(webhooks.GIVEN_UP + 3):
        processor.send_webhooks(lambda _payload, _signature: 500)

    assert processor.store.rows("SELECT tries FROM delivery")[0]["tries"] == webhooks.GIVEN_UP
    assert list(webhooks.WAITS) == sorted(webhooks.WAITS)


def test_a_receiver_that_is_away_is_no_error():
    assert webhooks.poster("http://127.0.0.1:9/")(b"{}", "t=1,v1=x") == 0


def test_it_tells_of_everything_that_becomes_of_money(api, processor):
    intent = api.charged("4000000000005126")
    api.post("/v1/refunds", f"payment_intent={intent}&amount=100")
    api.post("/_sandbox/refunds/settle")
    dispute = api.post("/_sandbox/disputes", f"payment_intent={intent}")[1]
    api.post("/_sandbox/disputes/close", f"dispute={dispute['id']}&status=won")

    assert kinds(processor) == [
        *["checkout.session.completed", "payment_intent.succeeded", "charge.refunded", "refund.created"],
        *["refund.failed", "refund.updated", "charge.dispute.created", "charge.dispute.closed"],
    ]
    assert api.get(f"/v1/disputes/{dispute['id']}")[1]["status"] == "won"
    journal = api.get("/_sandbox/journal")[1]["movements"]
    assert [(line["kind"], line["amount"]) for line in journal] == [
        *[("charge", 4900), ("refund", 100), ("refund_failed", 100)],
    ]


def test_an_event_shows_what_was_true_when_it_happened(api, processor):
    intent = api.charged()
    processor.change(intent, amount=1)
    [event] = api.get("/v1/events", "type=payment_intent.succeeded")[1]["data"]

    assert event["data"]["object"]["amount"] == 4900


def test_its_clock_can_be_set(api):
    assert api.post("/_sandbox/clock", "at=2026-01-02T03:04:05%2B00:00")[1]["now"] == 1767323045.0
    assert api.get(f"/v1/customers/{api.customer()}")[1]["created"] == 1767323045
    assert api.post("/_sandbox/clock", "at=2026-01-02T03:04:05")[0] == 400
    assert api.post("/_sandbox/clock", "")[1]["now"] != 1767323045.0
