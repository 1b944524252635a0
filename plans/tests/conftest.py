"""What the stories of this room have in common: a customer on Free or Plus, a card, and usage."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

import pytest

from accounts.models import Customer, PaymentMethod
from plans.models import ChangeQuote, QuoteKind, Subscription
from plans.seed import Catalogue
from plans.services.make_quote import make_quote
from plans.services.open_default_subscription import open_default_subscription
from plans.services.subscribe import subscribe
from usage.services.ingest_events import ingest_events

Use = Callable[..., None]

_numbers = count(1)


def add_card(customer: Customer, at: datetime) -> PaymentMethod:
    """A default card that is simply there: how it was entered is told in accounts."""
    number = next(_numbers)
    return PaymentMethod.objects.create(
        customer=customer,
        gateway="sandbox",
        token=f"tok_{number}",
        fingerprint=f"print_{number}",
        brand="Visa",
        last4="4242",
        exp_month=12,
        exp_year=2031,
        is_default=True,
        created_at=at,
    )


def go_plus(customer: Customer, catalogue: Catalogue, at: datetime) -> Subscription:
    """From Free to Plus, with a card."""
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    if not PaymentMethod.objects.filter(customer=customer).exists():
        add_card(customer, at)
    quote = make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=catalogue.plus, at=at, actor=None)
    opened = subscribe(quote=quote, at=at, actor=None).opened
    assert opened is not None
    return opened


def cancel_quote(customer: Customer, at: datetime) -> ChangeQuote:
    return make_quote(customer=customer, kind=QuoteKind.CANCEL, at=at, actor=None)


def send(customer: Customer, time: datetime, *, requests: int = 0, tokens: int = 0) -> None:
    """Usage at one instant, received five minutes later: `requests` events, and one of `tokens` tokens."""
    base = {"specversion": "1.0", "source": "test", "subject": customer.key, "time": time.isoformat()}
    events = [{**base, "id": f"r{next(_numbers)}", "type": "api.request", "data": {}} for _ in range(requests)]
    if tokens:
        events.append({**base, "id": f"t{next(_numbers)}", "type": "ai.tokens", "data": {"tokens": tokens}})
    result = ingest_events(events=events, token_customer_id=None, at=time + timedelta(minutes=5))
    assert not result.rejected, result.rejected


@pytest.fixture
def free(customer: Customer, catalogue: Catalogue, seller: object, at: datetime) -> Subscription:
    return open_default_subscription(customer_id=customer.pk, at=at, actor=None)


@pytest.fixture
def plus(customer: Customer, catalogue: Catalogue, seller: object, at: datetime) -> Subscription:
    """`customer` on Plus since 20 Oct 2026, 10:00: calculated on 17 Nov, billed on 20 Nov."""
    return go_plus(customer, catalogue, at)
