"""After a walk from signing up to an error page, no card number, token or secret is anywhere it could be read."""

import logging
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Customer, User
from accounts.tests.cards import DECLINES, VISA
from billing_portal.billing_run import run_billing
from billing_portal.simulation.browser import Page
from core.clock import travel_to
from invoices.models import Payment

SIGNED_UP = datetime(2026, 10, 20, 10, tzinfo=UTC)
CALCULATED_AT = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)
BILLED_AT = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
CVC = "7391"
UNKNOWN_CARD = "4111111111111111"
PASSWORD = "a-long-walk-in-the-park"
DETAILS = {"legal_name": "Walker", "line1": "1 Street", "city": "Paris", "postal_code": "75001", "country": "FR"}


class Walk:
    """A person's browser; every page that was shown is kept."""

    def __init__(self, processor):
        self.client = Client(raise_request_exception=False)
        self.processor, self.seen = processor, []

    def keep(self, answer):
        self.seen.append(answer.content.decode(errors="replace"))
        return answer

    def get(self, path):
        return self.keep(self.client.get(path, follow=True))

    def post(self, path, values=None):
        return self.keep(self.client.post(path, values or {}))

    def add_card(self, number, **values):
        started = self.post(reverse("pm_add"), {"make_default": "on"})
        typed = {"number": number, "expiry": "04 / 30", "cvc": CVC}
        for tried in (UNKNOWN_CARD, number):
            answer = self.processor.post(started.url, typed | {"number": tried})
            self.seen.append(answer.body.decode())
        return self.get(answer.headers["Location"])


def sign_up(walk):
    walk.post(
        reverse("account_signup"), {"company_name": "Walker", "email": "walker@example.com", "password1": PASSWORD}
    )
    link = re.search(r"http://\S+(/\S*confirm-email/\S+)", str(mail.outbox[-1].body))
    assert link
    walk.post(link[1])
    assert walk.client.login(email="walker@example.com", password=PASSWORD) or User.objects.exists()
    walk.client.force_login(User.objects.get(), backend=settings.AUTHENTICATION_BACKENDS[0])


def new_token(walk):
    page = walk.client.post(reverse("api_tokens"), {"name": "Gateway"}, follow=True).content.decode()
    found = re.search(r"bpt_[\w-]{20,}", page)
    assert found, "a new token is shown once, on the page that answers its making"
    return found[0]


def take_plus(walk):
    page = walk.get("/settings/billing/plan/plus/")
    form = Page("/settings/billing/plan/plus/", 200, page.content.decode()).form(has="quote")
    assert walk.post("/settings/billing/plan/plus/", form.fields | DETAILS).status_code == 303


def everything_stored():
    """Every text, JSON and byte of every table."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')  # noqa: S608 - our own names
            for (row,) in cursor.fetchall():
                yield f"table {table}", row
            if table == "django_session":
                cursor.execute("SELECT session_data FROM django_session")
                for (data,) in cursor.fetchall():
                    yield "a session", str(walk_session(data))


def walk_session(data):
    return Client().session.decode(data)


def secrets_of(token):
    return {
        "the card": VISA,
        "the declined card": DECLINES,
        "the refused card": UNKNOWN_CARD,
        "the token": token,
        "the password": PASSWORD,
        "the key of the portal": settings.SECRET_KEY,
        "the key of the webhooks": settings.SANDBOX_WEBHOOK_SECRET,
        "a client's secret": "_secret_",
    }


@pytest.mark.django_db
def test_no_secret_is_kept_shown_sent_or_logged(seller, catalogue, processor, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    walk = Walk(processor)
    with travel_to(SIGNED_UP):
        sign_up(walk)
        token = new_token(walk)
        walk.add_card(VISA)
        take_plus(walk)
    for at in (CALCULATED_AT, BILLED_AT):
        with travel_to(at):
            run_billing(at=at)
    with travel_to(BILLED_AT + timedelta(days=1)):
        walk.add_card(DECLINES)
        walk.get("/settings/billing/plan/cancel/")
        form = Page("", 200, walk.seen[-1]).form(has="quote")
        walk.post("/settings/billing/plan/cancel/", form.fields)
        run_billing(at=BILLED_AT + timedelta(days=1))
        monkeypatch.setattr("plans.views.selectors.current_subscription", lambda _pk: 1 / 0)
        assert walk.post(f"/settings/billing/plan/?card={VISA}").status_code in (405, 500)
        assert walk.get("/settings/billing/plan/").status_code == 500
    assert set(Payment.objects.values_list("status", flat=True)) == {"succeeded", "declined"}
    assert Customer.objects.count() == 1

    secrets = secrets_of(token)
    places = [
        *everything_stored(),
        *(("a page", page) for page in walk.seen),
        *(("a mail", message.message().as_string()) for message in mail.outbox),
        ("the log", caplog.text),
        *(("the processor", "\n".join(dump(processor, secret))) for secret in ("journal",)),
    ]
    assert len(places) > 100
    found = {
        (what, where)
        for where, text in places
        for what, secret in secrets.items()
        if secret in text or (secret.isdigit() and secret in re.sub(r"[ -]", "", text))
        if (what, where) not in EXPECTED
    }
    assert found == set()
    readable = [place for place in places if place[0] != "table invoices_document"]  # bytes, whose digits are many
    assert not [where for where, text in readable if re.search(rf"(?<!\d){CVC}(?!\d)", text)]


# The card page offers the numbers of its test cards, and the processor's own books have the secrets that it made.
EXPECTED = {("the card", "a page"), ("the declined card", "a page"), ("a client's secret", "the processor")}


def dump(processor, _what):
    with processor.store.lock:
        return list(processor.store.db.iterdump())
