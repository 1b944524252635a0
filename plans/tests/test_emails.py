"""The messages of this room as people receive them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from accounts.models import Notice
from accounts.services.deliver_notices import deliver_notices
from plans.services.cancel_subscription import cancel_subscription
from plans.services.contact_sales import contact_sales
from plans.tests.conftest import cancel_quote

LATER = datetime(2026, 10, 31, 14, 5, tzinfo=UTC)


def received(template) -> Any:
    """The one message made from a template."""
    Notice.objects.exclude(template=template).delete()
    mail.outbox.clear()
    deliver_notices(at=LATER + timedelta(minutes=1))
    [message] = mail.outbox
    return message


def test_it_tells_a_subscriber_prices_dates_and_the_way_out(plus):
    message = received("plan_subscribed")

    assert message.subject == "You're on Meridian Plus — nothing due today"
    assert message.to == ["alice@example.com"]
    for words in (
        "- Plus monthly fee: $49.00 per month",
        "- API requests: $1.00 per 1,000 requests after 10,000 included",
        "Charges are first calculated on 17 Nov 2026.",
        "The first billing date is 20 Nov 2026.",
        "/settings/billing/plan/cancel/",
    ):
        assert words in message.body


def test_it_tells_who_leaves_the_instant_and_the_final_invoice(plus, customer):
    done = cancel_subscription(quote=cancel_quote(customer, LATER), at=LATER, actor=None)
    message = received("plan_downgraded")

    assert done.invoice is not None
    assert message.subject == "Your plan is now Meridian Free"
    assert "from Meridian Plus to Meridian Free on 31 Oct 2026, 14:05 UTC." in message.body
    assert f"is {done.invoice.number} over $17.39: " in message.body


def test_it_tells_who_leaves_that_nothing_is_owed(plus, customer, at):
    cancel_subscription(quote=cancel_quote(customer, at), at=at, actor=None)

    assert "There is nothing to pay for Meridian Plus." in received("plan_downgraded").body


@pytest.mark.parametrize(
    ("template", "to", "subject"),
    [
        ("sales_inquiry", "sales@example.com", "Sales request from Wonder & Sons (sal_"),
        ("sales_acknowledgement", "alice@example.com", "We received your request (sal_"),
    ],
)
def test_it_mails_a_request_to_sales_and_back(free, customer, alice, at, template, to, subject):
    values = {"name": "Alice", "email": "alice@example.com", "company": "Wonder & Sons", "message": "<b>Hi</b>"}
    contact_sales(customer=customer, values={**values, "volume": ""}, at=at, actor=alice)
    message = received(template)

    assert message.to == [to]
    assert message.subject.startswith(subject)
    assert "<b>Hi</b>" in message.body
    assert "not given" in message.body
