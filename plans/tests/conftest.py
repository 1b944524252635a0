"""What the stories of this room have in common: a customer on Free or Plus, a card, and usage."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import chain, count
from typing import Any

import pytest

import credits.books
import invoices.books
import plans.books
import usage.books
from accounts.gateways.base import Outcome
from accounts.models import Customer, PaymentMethod, PaymentPolicy
from core.tests.recorded import Recorded
from invoices.services.collect_payment import collect_payment
from invoices.services.record_payment import record_payment
from plans.exceptions import NobodyToMoveError
from plans.models import ChangeQuote, MoveTime, Plan, QuoteKind, RateCard, Subscription
from plans.seed import Catalogue
from plans.services.make_quote import make_quote
from plans.services.migrate_subscriptions import migrate_subscriptions
from plans.services.open_default_subscription import open_default_subscription
from plans.services.publish_plan import publish_plan
from plans.services.schedule_migrations import schedule_migrations
from plans.services.subscribe import subscribe
from usage.selectors import features_by_key
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


def send(
    customer: Customer, time: datetime, *, requests: int = 0, tokens: int = 0, received: datetime | None = None
) -> None:
    """Usage at one instant: `requests` events, and one of `tokens` tokens. Received five minutes later, if not told."""
    base = {"specversion": "1.0", "source": "test", "subject": customer.key, "time": time.isoformat()}
    events = [{**base, "id": f"r{next(_numbers)}", "type": "api.request", "data": {}} for _ in range(requests)]
    if tokens:
        events.append({**base, "id": f"t{next(_numbers)}", "type": "ai.tokens", "data": {"tokens": tokens}})
    result = ingest_events(events=events, token_customer_id=None, at=received or time + timedelta(minutes=5))
    assert not result.rejected, result.rejected


_free = cache(
    lambda at: Recorded(lambda customer: open_default_subscription(customer_id=customer.pk, at=at, actor=None))
)


@pytest.fixture
def as_alice(alice, log_in):
    return log_in(alice)


@pytest.fixture
def free(customer: Customer, catalogue: Catalogue, seller: object, at: datetime) -> Subscription:
    return _free(at).again(customer)


@pytest.fixture
def all_books_hold(db: None) -> Iterator[None]:
    """Whatever a test did, the books of this room and of those below must say it."""
    yield
    rooms = (usage.books, credits.books, invoices.books, plans.books)
    assert list(chain.from_iterable(room.check() for room in rooms)) == []


_plus = cache(lambda at: Recorded(lambda customer, catalogue: go_plus(customer, catalogue, at)))


@pytest.fixture
def plus(customer: Customer, catalogue: Catalogue, seller: object, at: datetime) -> Subscription:
    """`customer` on Plus since 20 Oct 2026, 10:00: calculated on 17 Nov, billed on 20 Nov."""
    return _plus(at).again(customer, catalogue)


def new_plan(
    key: str, *, fee: int = 9_900, currency: str = "USD", timing: str = "in_arrears", version: int = 1, at: datetime,
    cards: Sequence[dict[str, Any]] = (), payment_policy: PaymentPolicy = PaymentPolicy.REQUIRED,
) -> Plan:  # fmt: skip
    """A published self-serve plan with one monthly fee (minor units), and more rate cards where asked."""
    plan = Plan.objects.create(
        key=key,
        version=version,
        name=key.capitalize(),
        currency=currency,
        payment_policy=payment_policy,
        position=9,
    )
    RateCard.objects.create(
        plan=plan, key="base-fee", name=f"{plan.name} monthly fee", model="flat", amount=fee, timing=timing
    )
    for place, card in enumerate(cards, 1):
        RateCard.objects.create(plan=plan, position=place, **card)
    publish_plan(plan=plan, at=at, actor=None)
    return Plan.objects.with_cards().get(pk=plan.pk)


def tokens_card(unit_amount: str, per_units: int = 1_000, **more: Any) -> dict[str, Any]:
    """A usage price for AI tokens, as on Plus."""
    feature = features_by_key(["ai-tokens"])["ai-tokens"]
    card = {"key": "ai-tokens", "name": "AI tokens", "model": "unit", "feature_id": feature.pk}
    return {**card, "unit_amount": unit_amount, "per_units": per_units, **more}


def change_quote(customer: Customer, plan: Plan, at: datetime) -> ChangeQuote:
    return make_quote(customer=customer, kind=QuoteKind.CHANGE, plan=plan, at=at, actor=None)


def pay(invoice: Any, at: datetime) -> None:
    """Paid by the default card, as the gateway would answer."""
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=False)
    record_payment(payment_id=payment.pk, outcome=Outcome("succeeded"), at=at)


def migrate_to(plan: Plan, when: str, at: datetime, *, key: str = "") -> int:
    """Everybody of the other versions moves to this one: wish and worker. How many changes are scheduled."""
    try:
        migrate_subscriptions(
            key=key or f"mig_{next(_numbers)}",
            plan_id=plan.pk,
            when=MoveTime(when),
            reason="New prices",
            at=at,
            actor=None,
        )
    except NobodyToMoveError:
        return 0
    return schedule_migrations(at=at)
