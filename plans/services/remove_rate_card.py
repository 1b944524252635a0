"""Staff: take a rate card off a plan that is still a draft."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from plans.exceptions import PlanFrozenError
from plans.models import Plan, PlanStatus


@transaction.atomic
def remove_rate_card(*, plan_id: int, card_id: int, at: datetime, actor: User | None) -> None:
    """Delete it with its tiers; gone already: nothing happens. Raises PlanFrozenError where the plan is published."""
    plan = Plan.objects.select_for_update().get(pk=plan_id)
    if plan.status != PlanStatus.DRAFT:
        raise PlanFrozenError(f"{plan} is {plan.status}")
    card = plan.rate_cards.filter(pk=card_id).first()
    if card is None:
        return
    before = {"key": card.key, "name": card.name, "model": card.model}
    card.delete()
    record(
        at=at,
        actor=actor,
        customer_id=plan.customer_id,
        action="remove_rate_card",
        subject=f"plan:{plan.key}:v{plan.version}",
        before=before,
    )
