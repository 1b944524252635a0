"""Staff: «Add Rate Card», or change one, while its plan is a draft."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.forms.models import model_to_dict
from django.utils.translation import gettext

from accounts.audit import record
from accounts.models import User
from core.money import quantize
from plans.exceptions import PlanFrozenError, RateCardInvalidError
from plans.models import Plan, PlanStatus, PriceModel, PriceTier, RateCard
from plans.price_rules import broken_rules
from plans.pricing import Tier

FEE = {"amount": None, "timing": "in_arrears", "cadence": "monthly"}
USAGE: dict[str, Any] = {
    "feature_id": None, "free_units": 0, "discount_percent": 0, "minimum_amount": None, "maximum_amount": None,
}  # fmt: skip
PRICE = {"unit_amount": None, "per_units": 1}


@transaction.atomic
def save_rate_card(
    *,
    plan_id: int,
    card_id: int | None,
    values: Mapping[str, Any],
    tiers: Sequence[Tier],
    at: datetime,
    actor: User | None,
) -> RateCard:
    """The card with these values and tiers; a new one, last in order, where `card_id` is None.

    `values` are fields of RateCard (`feature_id` for the feature), amounts in minor units; what the price model has no
    use for is left empty. Raises PlanFrozenError where the plan is published, RateCardInvalidError naming the field or
    the tier and its rule.
    """
    plan = Plan.objects.select_for_update().get(pk=plan_id)
    if plan.status != PlanStatus.DRAFT:
        raise PlanFrozenError(f"{plan} is {plan.status}")
    card = RateCard(plan=plan, position=_next_place(plan)) if card_id is None else plan.rate_cards.get(pk=card_id)
    before = _snapshot(card) if card_id else {}
    for field, value in _fitting(values).items():
        setattr(card, field, value)
    _check(plan, card, tiers)
    card.save()
    card.tiers.all().delete()
    PriceTier.objects.bulk_create(
        [
            PriceTier(
                rate_card=card,
                up_to=tier.up_to,
                unit_amount=tier.unit_amount,
                flat_amount=quantize(tier.flat_amount, plan.currency),
            )
            for tier in tiers
        ]
    )
    record(
        at=at,
        actor=actor,
        customer_id=plan.customer_id,
        action="save_rate_card",
        subject=f"plan:{plan.key}:v{plan.version}",
        before=before,
        after=_snapshot(card),
    )
    return card


def _next_place(plan: Plan) -> int:
    return max(plan.rate_cards.values_list("position", flat=True), default=0) + 1


def _fitting(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with what its price model does not use taken out, so that no forgotten number prices anything."""
    model = values["model"]
    fitting = dict(values)
    if model == PriceModel.FLAT:
        fitting |= {**USAGE, **PRICE}
        if fitting.get("timing") == "one_time":
            fitting["cadence"] = "monthly"
    else:
        fitting |= FEE
    if model in (PriceModel.GRADUATED, PriceModel.VOLUME):
        fitting["unit_amount"] = None
    if model == PriceModel.FREE:
        fitting |= {**PRICE, "discount_percent": 0, "minimum_amount": None, "maximum_amount": None}
    return fitting


def _check(plan: Plan, card: RateCard, tiers: Sequence[Tier]) -> None:
    others = plan.rate_cards.exclude(pk=card.pk)
    if others.filter(key=card.key).exists():
        raise RateCardInvalidError(
            f"{card.key} twice",
            message=gettext("Key: this plan has a rate card “%(key)s” already.") % {"key": card.key},
        )
    if card.feature_id and others.filter(feature_id=card.feature_id).exists():
        message = gettext("Feature: this plan prices it already. One feature has one price.")
        raise RateCardInvalidError(f"feature {card.feature_id} twice", message=message)
    if card.model != PriceModel.FLAT and not card.feature_id:
        raise RateCardInvalidError("no feature", message=gettext("Feature: choose what is priced."))
    needs_price = card.model in (PriceModel.UNIT, PriceModel.PACKAGE)
    if needs_price and card.unit_amount is None:
        raise RateCardInvalidError("no price", message=gettext("Price: say what it costs; 0 where it is not charged."))
    if card.model == PriceModel.FLAT and card.amount is None:
        raise RateCardInvalidError("no fee", message=gettext("Amount: say what the fee is."))
    card.tier_values = []
    broken = list(broken_rules(replace(card.terms(plan.currency), tiers=tuple(tiers))))
    if broken:
        raise RateCardInvalidError(f"{card}: {broken[0]}", message=" ".join(broken))


def _snapshot(card: RateCard) -> dict[str, Any]:
    """The card as the audit trail remembers it: what it says, in plain values."""
    values = model_to_dict(card, exclude=("id", "plan", "position"))
    tiers = [[str(tier.up_to or ""), str(tier.unit_amount), tier.flat_amount] for tier in card.tiers.all()]
    plain = {key: value if isinstance(value, int | str | None) else str(value) for key, value in values.items()}
    return {**plain, "tiers": tiers}
