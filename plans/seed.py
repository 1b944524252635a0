"""The demo price list: Free, Plus, Enterprise and Prepaid, made through the same verbs that staff use."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from accounts.models import PaymentPolicy
from plans.models import OverdueConsequence, Plan, PlanStatus, PriceModel, RateCard, SettlementMode
from plans.services.publish_plan import publish_plan
from usage.services.define_feature import define_feature
from usage.services.define_meter import define_meter


class Catalogue(NamedTuple):
    free: Plan
    plus: Plan
    enterprise: Plan


def demo_catalogue(at: datetime) -> Catalogue:
    """The published demo plans, made where they are missing: calling it again changes nothing."""
    requests, tokens = _requests_feature(at), _tokens_feature(at)
    free = _published(
        at,
        {"key": "free", "name": "Free", "position": 1, "is_default": True},
        tagline="For trying things out and small projects.",
        facts=["No card needed", "Never an invoice"],
        cards=[_usage_card("api-requests", "API requests", requests, "0", 1_000, free_units=5_000)],
    )
    plus = _published(
        at,
        {
            "key": "plus",
            "name": "Plus",
            "position": 2,
            "payment_policy": PaymentPolicy.REQUIRED,
            "overdue_consequence": OverdueConsequence.DOWNGRADE,
        },
        tagline="For production traffic. Pay for what you use.",
        facts=["AI Gateway included", "Billed monthly, after the month", "Cancel at any time, to the day"],
        cards=[
            {"key": "base-fee", "name": "Plus monthly fee", "model": PriceModel.FLAT, "amount": 4_900},
            _usage_card("api-requests", "API requests", requests, "1.00", 1_000, free_units=10_000),
            _usage_card("ai-tokens", "AI tokens", tokens, "0.002", 1_000),
        ],
    )
    enterprise = _published(
        at,
        {
            "key": "enterprise",
            "name": "Enterprise",
            "position": 3,
            "payment_policy": PaymentPolicy.MANAGED_BY_CONTRACT,
            "self_serve": False,
        },
        tagline="For organisations with needs of their own.",
        facts=["Prices and limits by contract", "Invoices payable by bank transfer", "A named sales representative"],
        cards=[],
    )
    return Catalogue(free, plus, enterprise)


def prepaid_plan(at: datetime) -> Plan:
    """The credits-only plan that staff put customers on; made where it is missing."""
    return _published(
        at,
        {
            "key": "prepaid",
            "name": "Prepaid",
            "position": 4,
            "settlement_mode": SettlementMode.CREDIT_ONLY,
            "self_serve": False,
        },
        tagline="Credits first, then usage. No card and no invoices.",
        facts=["Each hour of usage is charged to credits", "A statement every month"],
        cards=[_usage_card("ai-tokens", "AI tokens", _tokens_feature(at), "0.01", 1_000)],
    )


def _requests_feature(at: datetime) -> int:
    meter = define_meter(
        key="api-requests",
        name="API Gateway requests",
        event_type="api.request",
        aggregation="count",
        dimensions={name: f"$.{name}" for name in ("route", "status", "method", "client")},
        at=at,
        actor=None,
    )
    feature = define_feature(
        key="api-requests", name="API requests", meter=meter, unit="request", unit_plural="requests", at=at, actor=None
    )
    return feature.pk


def _tokens_feature(at: datetime) -> int:
    meter = define_meter(
        key="ai-tokens",
        name="AI Gateway tokens",
        event_type="ai.tokens",
        aggregation="sum",
        value_path="$.tokens",
        at=at,
        actor=None,
    )
    feature = define_feature(
        key="ai-tokens", name="AI tokens", meter=meter, unit="token", unit_plural="tokens", at=at, actor=None
    )
    return feature.pk


def _usage_card(
    key: str, name: str, feature_id: int, unit_amount: str, per_units: int, *, free_units: int = 0
) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "model": PriceModel.UNIT,
        "feature_id": feature_id,
        "unit_amount": Decimal(unit_amount),
        "per_units": per_units,
        "free_units": free_units,
    }


def _published(
    at: datetime, values: Mapping[str, Any], *, tagline: str, facts: list[str], cards: list[dict[str, Any]]
) -> Plan:
    existing = Plan.objects.filter(key=values["key"], status=PlanStatus.PUBLISHED).first()
    if existing is not None:
        return existing
    plan = Plan.objects.create(currency="USD", tagline=tagline, facts=facts, **values)
    RateCard.objects.bulk_create([RateCard(plan=plan, position=place, **card) for place, card in enumerate(cards, 1)])
    return publish_plan(plan=plan, at=at, actor=None)
