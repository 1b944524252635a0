"""What is logged can be read by machines, belongs together, and gives nothing away."""

import json
import logging

import pytest
from django.urls import reverse

from billing_portal.logs import JsonFormatter, PlainFormatter, redact, surrounded
from billing_portal.tasks import deliver_notices

SECRETS = [
    "alice@example.com",
    "Key (email)=(o.hara+bills@mail.example.co.uk) already exists",
    "4242 4242 4242 4242",
    "4242424242424242",
    "5555-5555-5555-4444",
    "bpt_Zm9vYmFyYmF6cXV4Zm9vYmFy",
    "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "whsec_MfKQ9r8GKYqrTwjU",
    "pi_3MtwBwLkdIwHu7ix_secret_YrKJUKribcBjcG8HVhfZluoGH",
    "Authorization: Bearer abcdef123456",
    "postgres://portal:pa55word@db/portal",
    "/accounts/password/reset/key/1-c9qm2r-8f3/",
    "/accounts/confirm-email/MQ:1vOabc:defghi/",
]
HARMLESS = [
    "INV-2026-000123",
    "2026-11-28 12:00:00,123",
    "customer 4711 is parked",
    "1234567890123456 bytes",
    "pi_3Mtw",
]


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    return logging.getLogger("invoices").makeRecord(
        "invoices", logging.INFO, __file__, 7, message, args, None, extra=extra
    )


@pytest.mark.parametrize("text", SECRETS)
def test_it_hides_secrets_cards_and_addresses(text):
    hidden = redact(text)

    assert hidden != text
    assert not {word for word in text.replace("=", " ").split() if word in hidden and "@" in word}
    assert all(len(part) < 13 for part in hidden.split() if part.isdigit())
    for plain in (PlainFormatter().format(record("%s", text)), JsonFormatter().format(record("%s", text))):
        assert text not in plain


@pytest.mark.parametrize("text", HARMLESS)
def test_it_leaves_the_rest_readable(text):
    assert redact(text) == text


def test_a_line_is_one_object_with_what_was_said_beside_it():
    line = JsonFormatter().format(record("customer %s\nis parked", 7, customer_id=7, row=object()))

    assert "\n" not in line
    assert json.loads(line) | {"at": ""} == {
        "at": "",
        "level": "INFO",
        "logger": "invoices",
        "message": "customer 7\nis parked",
        "customer_id": 7,
    }


def test_an_exception_is_told_without_what_it_gives_away():
    try:
        raise ValueError("no such person: alice@example.com")
    except ValueError as error:
        row = record("failed")
        row.exc_info = (type(error), error, error.__traceback__)
    told = json.loads(JsonFormatter().format(row))["exception"]

    assert "ValueError: no such person: [e-mail]" in told
    assert "Traceback" in told


def test_lines_inside_share_what_surrounds_them():
    with surrounded(request_id="abc"):
        inside = json.loads(JsonFormatter().format(record("x")))
    outside = json.loads(JsonFormatter().format(record("x")))

    assert inside["request_id"] == "abc"
    assert "request_id" not in outside


def test_lines_of_a_task_name_it(db, monkeypatch):
    lines = []
    monkeypatch.setattr(
        "billing_portal.tasks.deliver_notices_verb", lambda **_: lines.append(JsonFormatter().format(record("x"))) or 0
    )
    result = deliver_notices.delay()

    [inside] = map(json.loads, lines)
    assert (inside["task"], inside["task_id"]) == ("billing_portal.tasks.deliver_notices", result.id)
    assert "task_id" not in json.loads(JsonFormatter().format(record("x")))


@pytest.fixture
def request_lines(caplog):
    """The lines about requests, as production has them."""
    with caplog.at_level(logging.INFO, logger="billing_portal.requests"):
        yield lambda: [row for row in caplog.records if row.name == "billing_portal.requests"]


def test_a_request_is_told_with_who_and_how_long(alice, customer, catalogue, log_in, request_lines):
    response = log_in(alice).get(reverse("portal"), headers={"X-Request-ID": "from-the-proxy"})

    [row] = request_lines()
    told = row.__dict__
    assert row.getMessage() == "GET /settings/billing/portal/"
    assert (told["status"], told["user_id"], told["customer_id"]) == (200, alice.pk, customer.pk)
    assert told["took_ms"] >= 0
    assert response.headers["X-Request-ID"] == "from-the-proxy"


def test_a_request_is_told_by_its_route_and_not_by_what_its_address_holds(client, db, request_lines):
    client.get("/accounts/password/reset/key/1-c9qm2r-8f3/?token=secret")

    [row] = request_lines()
    assert "8f3" not in JsonFormatter().format(row)
    assert "secret" not in JsonFormatter().format(row)


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "line\tbreak"])
def test_a_request_without_a_fair_id_gets_one(client, db, given):
    found = client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"]

    assert len(found) == 32
    assert found != given
