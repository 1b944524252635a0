"""The protocol: idempotency keys, errors in Stripe's words, lists – and money that can't move twice."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from core.clock import travel_to
from processor.tests.conftest import KEY
from processor.web import Request, nested

DECLINES = "4000000000000341"
AT = datetime(2026, 10, 20, 10, 0, tzinfo=UTC)


def test_it_answers_the_same_key_with_the_first_answer(api):
    method = api.method()
    form = f"amount=4900&currency=usd&customer={method['customer']}&payment_method={method['id']}"
    first = api.ask("POST", "/v1/payment_intents", form, idempotency_key="k")
    second = api.ask("POST", "/v1/payment_intents", form, idempotency_key="k")

    assert first.body == second.body
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"


def test_it_repeats_a_decline_for_the_same_key_and_charges_nothing(api, processor):
    path = f"/v1/payment_intents/{api.intent(DECLINES)['id']}/confirm"
    answers = [api.post(path, "off_session=true", idempotency_key="confirm") for _ in range(2)]

    assert answers[0] == answers[1]
    assert answers[0][0] == 402
    assert len([event for event in processor.objects("event") if event["type"] == "payment_intent.payment_failed"]) == 1


def test_it_refuses_a_key_with_other_parameters(api):
    api.post("/v1/customers", "metadata[key]=a", idempotency_key="k")
    status, body = api.post("/v1/customers", "metadata[key]=b", idempotency_key="k")

    assert (status, body["error"]["type"]) == (400, "idempotency_error")


def test_it_keeps_no_key_for_a_request_that_was_wrong(api):
    assert api.post("/v1/refunds", "payment_intent=pi_unknown", idempotency_key="k")[0] == 404
    assert api.post("/v1/refunds", f"payment_intent={api.charged()}", idempotency_key="k")[0] == 200


def test_it_forgets_a_key_after_a_day_as_stripe_does(api):
    with travel_to(AT):
        first = api.post("/v1/customers", "metadata[key]=a", idempotency_key="k")[1]["id"]
    with travel_to(AT + timedelta(hours=24)):
        assert api.post("/v1/customers", "metadata[key]=a", idempotency_key="k")[1]["id"] != first


@pytest.mark.parametrize(
    ("number", "code", "decline_code"),
    [
        (DECLINES, "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000003063", "authentication_required", "authentication_required"),
    ],
)
def test_it_declines_in_stripes_words(number, code, decline_code, api):
    intent = api.intent(number)
    status, body = api.post(f"/v1/payment_intents/{intent['id']}/confirm", "off_session=true")
    error = body["error"]

    assert (status, error["type"], error["code"], error["decline_code"]) == (402, "card_error", code, decline_code)
    assert error["payment_intent"]["id"] == intent["id"]
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert error["payment_intent"]["last_payment_error"]["payment_method"]["card"]["last4"] == number[-4:]


@pytest.mark.parametrize("verb", ["confirm", "cancel"])
def test_it_does_nothing_more_with_a_charge(verb, api, processor):
    intent = api.charged()
    status, body = api.post(f"/v1/payment_intents/{intent}/{verb}")

    assert (status, body["error"]["code"]) == (400, "payment_intent_unexpected_state")
    assert body["error"]["payment_intent"]["status"] == "succeeded"
    assert len(processor.store.movements()) == 1


def test_its_books_refuse_a_second_charge_and_too_much_given_back(api, processor):
    """Whatever a handler may do wrong."""
    [intent] = [processor.store.get("payment_intent", api.charged())]
    with pytest.raises(sqlite3.IntegrityError), processor.store.transaction():
        processor.store.move("charge", intent | {"id": "ch_2"}, intent)
    with pytest.raises(sqlite3.IntegrityError, match="more given back"), processor.store.transaction():
        processor.store.move("refund", {"id": "re_1", "amount": 4901, "metadata": {}}, intent)
    assert processor.store.left(intent["id"]) == 4_900


@pytest.mark.parametrize(
    ("amount", "code"), [("4901", None), ("0", "parameter_invalid_integer"), ("1e3", "parameter_invalid_integer")]
)
def test_it_refuses_a_refund_of_a_wrong_amount(amount, code, api):
    status, body = api.post("/v1/refunds", f"payment_intent={api.charged()}&amount={amount}")

    assert (status, body["error"].get("code"), body["error"]["param"]) == (400, code, "amount")


def test_it_refuses_to_give_back_what_was_given_back(api):
    form = f"payment_intent={api.charged()}"
    api.post("/v1/refunds", form)

    assert api.post("/v1/refunds", form)[1]["error"]["code"] == "charge_already_refunded"


def test_it_lists_a_page_at_a_time_newest_first(api):
    made = [api.customer() for _ in range(3)]
    charged = [api.charged() for _ in range(3)]
    first = api.get("/v1/payment_intents", "limit=2")[1]
    second = api.get("/v1/payment_intents", f"limit=2&starting_after={first['data'][-1]['id']}")[1]

    assert [intent["id"] for intent in first["data"] + second["data"]] == charged[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert api.get("/v1/payment_intents", f"customer={made[0]}")[1]["data"] == []


def test_it_shows_nothing_of_what_it_keeps_for_itself(api):
    method = api.method()

    assert [name for name in method if name.startswith("_")] == []
    assert "behaviour" not in str(method)


@pytest.mark.parametrize(
    ("key", "method", "status"),
    [
        ("", "GET", 401),
        ("Bearer sk_live_real", "GET", 401),
        ("Bearer rk_test_reader", "GET", 404),
        ("Bearer rk_test_reader", "POST", 403),
    ],
)
def test_it_takes_test_keys_alone(key, method, status, api, processor):
    path = "/v1/customers/cus_unknown" if method == "GET" else "/v1/customers"
    answer = processor.handle(Request(method, path, headers=KEY | {"authorization": key}))

    assert answer.status == status
    assert key not in "\n".join(processor.store.db.iterdump()) or not key


def test_it_says_that_it_does_not_speak_all_of_the_protocol(api):
    assert api.get("/v1/subscriptions")[0] == 404


def test_it_charges_nobody_elses_card(api):
    method, other = api.method(), api.customer()
    form = f"amount=1&currency=usd&customer={other}&payment_method={method['id']}"

    assert api.post("/v1/payment_intents", form)[1]["error"]["param"] == "payment_method"


@pytest.mark.parametrize(
    ("encoded", "meant"),
    [
        ("a=1&b=", {"a": "1", "b": ""}),
        ("metadata[key]=k&metadata[b]=2", {"metadata": {"key": "k", "b": "2"}}),
        ("expand[]=a&expand[]=b", {"expand": ["a", "b"]}),
        ("expand[0]=a&expand[1]=b.c", {"expand": ["a", "b.c"]}),
        ("created[gte]=1&created[lt]=2", {"created": {"gte": "1", "lt": "2"}}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
    ],
)
def test_it_reads_nested_forms(encoded, meant):
    assert nested(encoded) == meant
