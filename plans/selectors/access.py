"""May a customer use a feature now? Asked by gateways before they let a request through, so it is two quick reads."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from django.db.models import F

from credits.selectors import balance
from plans.models import RateCard, SettlementMode, Subscription
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
]

SPELL = ("anchor_on", "starts_at", "next_billing_on")


@dataclass(frozen=True, slots=True)
class Access:
    """The answer for one feature.

    `reason` with access: `credit_available` or, with none left, `overdraft_allowed` (credits-only plans that go
    negative); `included_quantity_left` (of what is free of charge); `ok` (what is used is billed, or never limited).
    Without: `no_credit_left` (credits-only plans that block), `included_quantity_used_up`, `not_in_plan`,
    `no_subscription`. `available`: credit for the feature now, minor units of `currency`; None where the plan does not
    settle with credits alone. `included` and `used`: units of the running window, for plans without credits.
    """

    has_access: bool
    reason: Reason
    currency: str = ""
    available: int | None = None
    included: Decimal | None = None
    used: Decimal | None = None


def access_of(customer_id: int, feature_key: str, at: datetime) -> Access:
    """Two reads by index: the plan's price of the feature, then the balance or what was used."""
    card = _card(customer_id, feature_key)
    if card is None:
        has_plan = Subscription.objects.open().filter(customer_id=customer_id).exists()
        return Access(has_access=False, reason="not_in_plan" if has_plan else "no_subscription")
    if card.plan.settlement_mode == SettlementMode.CREDIT_ONLY:
        return _by_credit(customer_id, card, at)
    return _by_quantity(customer_id, card, at)


def _card(customer_id: int, feature_key: str) -> RateCard | None:
    """The price of a feature on the plan the customer is on, with the dates of the open spell."""
    spell = "plan__subscriptions__"
    cards = RateCard.objects.with_terms().filter(
        **{f"{spell}customer_id": customer_id, f"{spell}ends_at__isnull": True, "feature__key": feature_key}
    )
    dates = {name: F(f"{spell}{name}") for name in SPELL}
    return cards.annotate(**dates).select_related("feature__meter", "plan").first()


def _by_credit(customer_id: int, card: RateCard, at: datetime) -> Access:
    plan = card.plan
    feature_key = card.feature.key if card.feature else ""
    available = balance(customer_id, plan.currency, at, feature_key=feature_key).available
    if available > 0:
        return Access(True, "credit_available", plan.currency, available)
    if plan.blocks_at_zero:
        return Access(False, "no_credit_left", plan.currency, available)
    return Access(True, "overdraft_allowed", plan.currency, available)


def _by_quantity(customer_id: int, card: RateCard, at: datetime) -> Access:
    terms = card.terms(card.plan.currency)
    window = running_window(Subscription(**{name: getattr(card, name) for name in SPELL}), at)
    span = Span(customer_id, terms.feature_id or 0, window.start, window.end)
    used, included = quantities([span])[span], terms.free_units
    reason: Reason = "included_quantity_used_up"
    if used < included:
        reason = "included_quantity_left"
    elif terms.is_priced or not included:
        reason = "ok"
    has_access = reason != "included_quantity_used_up"
    return Access(has_access, reason, card.plan.currency, included=included, used=used)
