"""Putting the cast where a story begins."""

from datetime import datetime

from accounts.models import Customer, User
from billing_portal.demo_data import add_card
from plans.models import QuoteKind, Subscription
from plans.seed import Catalogue
from plans.services.make_quote import make_quote
from plans.services.open_default_subscription import open_default_subscription
from plans.services.subscribe import subscribe


def on_free(customer: Customer, user: User, at: datetime) -> Subscription:
    return open_default_subscription(customer_id=customer.pk, at=at, actor=user)


def on_plus(customer: Customer, user: User, catalogue: Catalogue, at: datetime, card: str = "4242424242424242") -> None:
    """Subscribed to Plus at `at`, with a card."""
    on_free(customer, user, at)
    add_card(customer, user, card, at)
    quote = make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=catalogue.plus, at=at, actor=user)
    subscribe(quote=quote, at=at, actor=user)
