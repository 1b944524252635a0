"""Staff: «New version» of a plan, to be changed and published."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from plans.copying import copy_cards
from plans.models import Plan, PlanStatus


@transaction.atomic
def copy_plan(*, plan_id: int, at: datetime, actor: User | None) -> Plan:
    """A draft with everything this version says, rate cards and tiers; the draft there is, where one waits already."""
    plan = Plan.objects.get(pk=plan_id)
    same_key = Plan.objects.filter(key=plan.key).order_by("-version")
    list(same_key.select_for_update())  # first wait, then read: whoever came before may have made the draft
    versions = list(same_key.all())
    waiting = next((version for version in versions if version.status == PlanStatus.DRAFT), None)
    if waiting is not None:
        return waiting
    source, copied_from = Plan.objects.get(pk=plan.pk), plan.version
    plan.pk, plan.version, plan.status, plan.published_at = None, versions[0].version + 1, PlanStatus.DRAFT, None
    plan.save(force_insert=True)
    copied = copy_cards(source, plan)
    record(
        at=at,
        actor=actor,
        customer_id=plan.customer_id,
        action="copy_plan",
        subject=f"plan:{plan.key}:v{plan.version}",
        after={"copied_from": copied_from, "rate_cards": copied},
    )
    return plan
