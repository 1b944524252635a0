"""`POST /api/v1/events` from the outside."""

import io
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client, RequestFactory

from accounts.api import ApiError
from accounts.services.create_api_token import create_api_token
from accounts.services.revoke_api_token import revoke_api_token
from core.clock import travel_to
from usage.models import UsageEvent, UsageHour
from usage.requests import read_events
from usage.tests.conftest import event

pytestmark = pytest.mark.django_db

URL = "/api/v1/events"
SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


@pytest.fixture(autouse=True)
def _present(at):
    with travel_to(at):
        yield


@pytest.fixture
def token(customer, tokens, at):
    return create_api_token(customer=customer, name="gateway", at=at, actor=None)[1]


def post(body, token, content_type=BATCH, **headers):
    raw = body if isinstance(body, bytes | str) else json.dumps(body)
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return Client(enforce_csrf_checks=True).post(URL, raw, content_type=content_type, headers=headers)


def error(response):
    return response.status_code, response.json()["error"]["code"]


def test_it_takes_a_single_event(customer, token, at):
    response = post(event(customer, "e1", at), token, SINGLE)
    assert response.status_code == 200
    assert response.json() == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert response["Cache-Control"] == "no-store"
    assert UsageEvent.objects.get().event_id == "e1"


@pytest.mark.parametrize("content_type", [BATCH, "application/json", "application/json; charset=utf-8"])
def test_it_takes_a_batch_and_names_what_it_rejects(customer, token, at, content_type):
    events = [event(customer, "e1", at), event(customer, "e1", at), event(customer, "e2", at, subject="nobody")]
    response = post(events, token, content_type)
    assert response.status_code == 200
    assert response.json() == {
        "accepted": 1,
        "duplicates": 1,
        "rejected": [{"index": 2, "code": "unknown_subject", "message": "`subject` is not known.", "id": "e2"}],
    }


def test_it_takes_a_single_event_as_plain_json(customer, token, at):
    assert post(event(customer, "e1", at), token, "application/json").json()["accepted"] == 1


def test_it_keeps_decimals_exact(customer, token, at):
    whole = json.dumps(event(customer, "e1", at, data={"tokens": 1})).replace('"tokens": 1', '"tokens": 0.1')
    again = whole.replace('"e1"', '"e2"').replace("0.1", "0.200000000001")
    assert post(f"[{whole},{again}]", token).json()["accepted"] == 2
    assert UsageHour.objects.get().quantity == Decimal("0.300000000001")


def test_it_answers_200_where_everything_is_known_already(customer, token, at):
    post([event(customer, "e1", at)], token)
    response = post([event(customer, "e1", at)], token)
    assert (response.status_code, response.json()["duplicates"]) == (200, 1)


def test_it_answers_422_where_every_event_is_rejected(customer, token, at):
    response = post([event(customer, "e1", at + timedelta(hours=1)), 7], token)
    assert response.status_code == 422
    assert [(one["index"], one["code"]) for one in response.json()["rejected"]] == [
        (0, "time_ahead"),
        (1, "not_an_object"),
    ]
    assert not UsageEvent.objects.exists()


def test_it_writes_only_the_subjects_of_the_tokens_customer(customer, other_customer, token, at):
    response = post([event(other_customer, "e1", at)], token)
    assert response.status_code == 422
    assert response.json()["rejected"][0]["code"] == "forbidden_subject"


def test_it_lets_an_operators_token_write_every_subject(customer, other_customer, tokens, at):
    operator = create_api_token(customer=None, name="meter", at=at, actor=None)[1]
    assert post([event(customer, "e1", at), event(other_customer, "e1", at)], operator).json()["accepted"] == 2


@pytest.mark.parametrize("given", [None, "wrong", "", "\u00e9"])
def test_it_asks_for_a_token(customer, tokens, at, given):
    response = post([event(customer, "e1", at)], given)
    assert error(response) == (401, "unauthorized")
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response["Cache-Control"] == "no-store"
    assert not UsageEvent.objects.exists()


def test_it_takes_no_other_scheme(customer, token, at):
    assert error(post([event(customer, "e1", at)], None, Authorization=f"Basic {token}")) == (401, "unauthorized")


def test_it_refuses_a_revoked_token(customer, tokens, at):
    token, secret = create_api_token(customer=customer, name="old", at=at, actor=None)
    revoke_api_token(token=token, at=at, actor=None)
    assert error(post([event(customer, "e1", at)], secret)) == (401, "unauthorized")


def test_it_does_not_take_a_session_for_a_token(customer, alice, tokens, at, log_in):
    response = log_in(alice).post(URL, json.dumps(event(customer, "e1", at)), content_type=SINGLE)
    assert error(response) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("body", "content_type", "answer"),
    [
        ("{", SINGLE, (400, "malformed_json")),
        (b'{"id": "\xff"}', SINGLE, (400, "not_utf8")),
        ('{"data": NaN}', SINGLE, (400, "malformed_json")),
        ('{"data": 1e99999999999999999999}', SINGLE, (400, "malformed_json")),
        ('{"data": ' + "9" * 5000 + "}", SINGLE, (400, "malformed_json")),
        ("[" * 100_000, BATCH, (400, "malformed_json")),
        ("[]", SINGLE, (400, "not_one_event")),
        ("{}", BATCH, (400, "not_a_batch")),
        ("7", "application/cloudevents-batch+json", (400, "not_a_batch")),
        ("[]", BATCH, (400, "no_events")),
        ("[" + "7," * 1000 + "7]", BATCH, (413, "batch_too_large")),
        ("{}", "text/plain", (415, "unsupported_media_type")),
        ("{}", "application/x-www-form-urlencoded", (415, "unsupported_media_type")),
        ("x" * 5_300_000, BATCH, (413, "too_large")),
        ("x" * 20_000_000, BATCH, (413, "too_large")),
    ],
)
def test_it_names_what_is_wrong_with_a_body(token, body, content_type, answer):
    assert error(post(body, token, content_type)) == answer


def test_it_takes_events_by_post_only(token):
    response = Client().get(URL, headers={"Authorization": f"Bearer {token}"})
    assert error(response) == (405, "method_not_allowed")
    assert response["Allow"] == "POST"


def chunked(body):
    """A request as a server hands over a chunked body: without a length, ending by itself."""
    request = RequestFactory().post(URL)
    del request.META["CONTENT_LENGTH"]
    request.META |= {"wsgi.input": body, "wsgi.input_terminated": True, "CONTENT_TYPE": BATCH}
    request.content_type = BATCH
    return request


def test_it_reads_a_chunked_body():
    assert read_events(chunked(io.BytesIO(b'[{"id": 1.5}]'))) == [{"id": Decimal("1.5")}]


def test_it_stops_reading_a_chunked_body_at_the_limit(settings):
    body = io.BytesIO(b"x" * 20_000_000)
    with pytest.raises(ApiError) as refusal:
        read_events(chunked(body))
    assert refusal.value.status == 413
    assert body.tell() == settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1


def test_it_refuses_an_empty_body():
    with pytest.raises(ApiError) as refusal:
        read_events(chunked(io.BytesIO()))
    assert (refusal.value.status, refusal.value.code) == (400, "empty_body")


def test_it_reports_a_body_that_breaks_off():
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError("connection reset")

    with pytest.raises(ApiError) as refusal:
        read_events(chunked(Broken()))
    assert (refusal.value.status, refusal.value.code) == (400, "unreadable_body")


def test_it_needs_few_queries(customer, token, at, django_assert_max_num_queries):
    events = [event(customer, f"e{n}", at) for n in range(300)]
    with django_assert_max_num_queries(15):
        assert post(events, token).json()["accepted"] == 300
