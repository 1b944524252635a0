"""May a customer use a feature now? Asked by gateways before they let a request through, so it is a few quick reads."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from django.db import connection

from credits.selectors import balance
from plans.models import Plan, RateCard, SettlementMode, Subscription
from plans.selectors.upcoming import running_window
from usage.selectors import Span, quantities

Reason = Literal[
    "ok",
    "included_quantity_left",
    "credit_available",
    "overdraft_allowed",
    "no_credit_left",
    "included_quantity_used_up",
    "not_in_plan",
    "no_subscription",
    "payment_overdue",
]

# A few columns by hand: a gateway waits for them, and building the statement took longer than reading.
PRICE = """
SELECT card.id, plan.currency, plan.settlement_mode, plan.when_credits_run_out,
    spell.anchor_on, spell.starts_at, spell.next_billing_on,
    EXISTS (
        SELECT FROM plans_carriedoutconsequence AS hold
        WHERE hold.customer_id = spell.customer_id AND hold.kind = 'hold' AND hold.released_at IS NULL
    )
FROM plans_subscription AS spell
JOIN plans_plan AS plan ON plan.id = spell.plan_id
JOIN plans_ratecard AS card ON card.plan_id = plan.id
WHERE spell.customer_id = %s AND spell.ends_at IS NULL
    AND card.feature_id = (SELECT id FROM usage_feature WHERE key = %s)
ORDER BY card.position, card.id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Access:
    """The answer for one feature.

    `reason` with access: `credit_available` or, with none left, `overdraft_allowed` (credits-only plans that go
    negative); `included_quantity_left` (of what is free of charge); `ok` (what is used is billed, or never limited).
    Without: `payment_overdue` (on hold until everything overdue is paid), `no_credit_left` (credits-only plans that
    block), `included_quantity_used_up`, `not_in_plan`, `no_subscription`. `available`: credit for the feature now,
    minor units of `currency`; None where the plan does not settle with credits alone. `included` and `used`: units of
    the running window, for plans without credits.
    """

    has_access: bool
    reason: Reason
    currency: str = ""
    available: int | None = None
    included: Decimal | None = None
    used: Decimal | None = None


class _Price(NamedTuple):
    """Which price of which plan holds, and the dates of the spell."""

    card_id: int
    currency: str
    settlement_mode: str
    when_credits_run_out: str
    anchor_on: date
    starts_at: datetime
    next_billing_on: date | None
    is_held: bool


def access_of(customer_id: int, feature_key: str, at: datetime) -> Access:
    """By index: the plan's price of the feature, then the balance, or the price in full and what was used."""
    price = _price(customer_id, feature_key)
    if price is None:
        has_plan = Subscription.objects.open().filter(customer_id=customer_id).exists()
        return Access(has_access=False, reason="not_in_plan" if has_plan else "no_subscription")
    if price.is_held:
        return Access(has_access=False, reason="payment_overdue", currency=price.currency)
    if price.settlement_mode == SettlementMode.CREDIT_ONLY:
        return _by_credit(customer_id, feature_key, price, at)
    return _by_quantity(customer_id, price, at)


def _price(customer_id: int, feature_key: str) -> _Price | None:
    """The price of a feature on the plan the customer is on, with the dates of the open spell."""
    with connection.cursor() as cursor:
        cursor.execute(PRICE, [customer_id, feature_key])
        row = cursor.fetchone()
    return _Price(*row) if row else None


def _by_credit(customer_id: int, feature_key: str, price: _Price, at: datetime) -> Access:
    held = balance(customer_id, price.currency, at, feature_key=feature_key)
    available = held.spendable or min(held.available, 0)
    if available > 0:
        return Access(True, "credit_available", price.currency, available)
    if Plan(when_credits_run_out=price.when_credits_run_out).blocks_at_zero:
        return Access(False, "no_credit_left", price.currency, available)
    return Access(True, "overdraft_allowed", price.currency, available)


def _by_quantity(customer_id: int, price: _Price, at: datetime) -> Access:
    terms = RateCard.objects.with_terms().get(pk=price.card_id).terms(price.currency)
    spell = Subscription(anchor_on=price.anchor_on, starts_at=price.starts_at, next_billing_on=price.next_billing_on)
    window = running_window(spell, at)
    span = Span(customer_id, terms.feature_id or 0, window.start, window.end)
    used, included = quantities([span])[span], terms.free_units
    reason: Reason = "included_quantity_used_up"
    if used < included:
        reason = "included_quantity_left"
    elif terms.is_priced or not included:
        reason = "ok"
    has_access = reason != "included_quantity_used_up"
    return Access(has_access, reason, price.currency, included=included, used=used)
