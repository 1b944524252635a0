"""After a walk through everything that is secret, none of it stands anywhere: not in the log, the database, sessions,
messages or pages of errors."""

import io
import logging
import re
from collections.abc import Iterator

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Customer, User
from accounts.services.deliver_notices import deliver_notices
from accounts.tests.cards import DECLINES, VISA, typed, visit
from billing_portal.logs import JsonFormatter, PlainFormatter
from core.clock import travel_to
from invoices.models import Invoice
from invoices.tests.shelf import issued
from plans.seed import demo_catalogue

EMAIL, PASSWORD = "walker@example.com", "a-long-walk-in-the-park"
REAL_LOOKING = "4111 1111 1111 1111"  # a card that no test processor gives out
NUMBERS = (VISA, DECLINES, REAL_LOOKING)


@pytest.fixture(params=[JsonFormatter, PlainFormatter], ids=["json", "plain"])
def log(request) -> Iterator[io.StringIO]:
    """All that the portal logs, down to the least, as it is written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(request.param())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(level)
    root.removeHandler(handler)


def variants(secret: str) -> set[str]:
    """As it was typed, and as programs write it."""
    bare = re.sub(r"[ -]", "", secret)
    spaced = " ".join(bare[place : place + 4] for place in range(0, len(bare), 4))
    return {secret, bare, spaced} if bare.isdigit() else {secret}


def everything_stored() -> str:
    """Every column of every row of every table, and what sessions hold inside."""
    texts = [str(session.get_decoded()) for session in Session.objects.all()]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')  # noqa: S608 - our own names
            texts += [row for (row,) in cursor.fetchall()]
    return "\n".join(texts)


def sign_up(client: Client) -> User:
    client.post(reverse("account_signup"), {"company_name": "Walker", "email": EMAIL, "password1": PASSWORD})
    link = re.search(r"http://\S+/confirm-email/\S+", str(mail.outbox[-1].body))
    assert link
    client.post(link[0].removeprefix("http://testserver"))
    return User.objects.get(email=EMAIL)


def enter_cards(client: Client, customer: Customer, user: User, at) -> list[str]:
    """Each number on a card page of its own, and the pages that it leads to."""
    answers = []
    for number in NUMBERS:
        answer = client.post(card_page(customer, user, at), typed(number))
        if answer.status_code == 422:  # the page lists the numbers it takes, and must not repeat another
            assert not [text for text in variants(number) if text in answer.content.decode()]
        else:
            answers.append(client.get(answer.headers["Location"], follow=True).content.decode())
    return answers


def card_page(customer: Customer, user: User, at) -> str:
    return reverse("sandbox_card", args=[visit(customer, user, at).gateway_id])


def fail_with_everything(client: Client, page: str, token: str, monkeypatch) -> list[str]:
    """Pages of errors, of requests that carry secrets to code that puts them into its complaint."""
    client.raise_request_exception = False

    def broken(*_args, **_values):
        raise ValueError(f"card {REAL_LOOKING} of {EMAIL}, token {token}")

    monkeypatch.setattr("usage.views.ingest_events", broken)
    monkeypatch.setattr("accounts.views_sandbox.render", broken)
    bearer = {"Authorization": f"Bearer {token}"}
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "subject": "x"}
    answers = [
        client.post(page, typed(REAL_LOOKING)),
        client.post(reverse("api_events"), [event], content_type="application/json", headers=bearer),
        client.post(reverse("api_events"), "{", content_type="application/json", headers=bearer),
        client.get("/no/such/page/", headers=bearer),
        client.post(reverse("account_login"), {"login": EMAIL, "password": PASSWORD + token}),
    ]
    client.get(f"/no/such/page/{token}/")  # only for the log: a page may tell people the address they asked for
    assert [answer.status_code for answer in answers[:2]] == [500, 500]
    return [answer.content.decode() for answer in answers]


def test_no_secret_stays_anywhere_after_a_walk(db, seller, at, log, monkeypatch):
    cache.clear()
    demo_catalogue(at)
    client = Client()
    with travel_to(at):
        user = sign_up(client)
        customer = Customer.objects.get(memberships__user=user)
        pages = enter_cards(client, customer, user, at)
        shown = client.post(reverse("api_tokens"), {"name": "Gateway"}).content.decode()
        found = re.search(r"bpt_[\w-]{20,}", shown)
        assert found, "the token is shown once"
        token = found[0]
        [invoice] = issued(customer, 1)
        client.post(reverse("invoice_pay", args=[invoice.public_id]), {"key": "walk"})
        pages += fail_with_everything(client, card_page(customer, user, at), token, monkeypatch)
        deliver_notices(at=at)

    assert Invoice.objects.get().payments.exists(), "the walk has paid"
    secrets = {text for secret in (*NUMBERS, token, PASSWORD) for text in variants(secret)}
    places = {
        "the log": log.getvalue(),
        "the database": everything_stored(),
        "messages": "\n".join(str(message.message()) for message in mail.outbox),
        "pages": "\n".join(pages),
    }
    assert all(len(text) > 500 for text in places.values()), "something was written everywhere"
    assert {(place, secret) for place, text in places.items() for secret in secrets if secret in text} == set()
    assert EMAIL not in places["the log"]
