"""Figures of messages are frozen as data, and written in the language of whoever reads them."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core import mail

from accounts import figures
from accounts.emails import card_expiring
from accounts.models import BillingProfile, Notice, PaymentMethod
from accounts.services.deliver_notices import deliver_notices
from accounts.services.queue_notices import queue_notices
from core.language import override
from core.periods import Period, Window

AT = datetime(2026, 11, 20, 10, tzinfo=UTC)
CONTEXT = {
    "total": figures.money(179700, "USD"),
    "used": figures.quantity(Decimal("12345.5")),
    "on": figures.day(date(2026, 11, 20)),
    "at": figures.instant(AT),
    "period": figures.period(Period(date(2026, 10, 20), date(2026, 11, 20))),
    "window": figures.window(Window(AT, AT.replace(day=21))),
    "lines": [{"title": "Fee", "amount": figures.money(100, "USD")}],
    "who": figures.sentence("Ask %(people)s.", people="Bob"),
    "plain": "Bob",
}


def test_it_survives_the_outbox_and_is_written_in_any_language():
    frozen = json.loads(json.dumps(CONTEXT))

    assert figures.written(frozen) == {
        "total": "$1,797.00",
        "used": "12,345.5",
        "on": "20 Nov 2026",
        "at": "20 Nov 2026, 10:00 UTC",
        "period": "20 Oct – 19 Nov 2026",
        "window": "20 Nov, 10:00 – 21 Nov 2026, 10:00 UTC",
        "lines": [{"title": "Fee", "amount": "$1.00"}],
        "who": "Ask Bob.",
        "plain": "Bob",
    }
    with override("de"):
        german = figures.written(frozen)
    assert german["total"] == "1.797,00\N{NO-BREAK SPACE}$"
    assert german["who"] == "Bitte wenden Sie sich an Bob."


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "day", "card"),
    [("en", "30 Nov 2026", "Visa ending 4242"), ("de", "30. Nov. 2026", "Visa mit Endziffern 4242")],
)
def test_it_is_sent_in_the_language_of_the_customer(language, day, card, customer):
    BillingProfile.objects.filter(customer=customer).update(language=language)
    method = PaymentMethod.objects.create(
        customer=customer, gateway="sandbox", token="tok_1", brand="Visa", last4="4242", exp_month=11, exp_year=2026,
        is_default=True, created_at=AT,
    )  # fmt: skip
    queue_notices([card_expiring(method, 14, ["books@example.com"])], at=AT)
    queued = Notice.objects.get().context

    assert deliver_notices(at=AT) == 1
    message = mail.outbox[0]
    assert day in message.body
    assert card in message.body
    assert message.extra_headers["Content-Language"] == language
    assert f'<html lang="{language}">' in message.alternatives[0][0]
    assert Notice.objects.get().context == queued
