"""Staff: a published plan that nobody should choose any more."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.models import User
from plans.exceptions import DefaultPlanError, PlanNotFoundError
from plans.models import Plan, PlanStatus


@transaction.atomic
def archive_plan(*, plan_id: int, at: datetime, actor: User | None, reason: str) -> Plan:
    """Take a published version out of the catalogue; who is on it stays, what is scheduled is carried out.

    Archived already: untouched. Raises DefaultPlanError for the plan customers begin on, PlanNotFoundError for a draft.
    """
    plan = Plan.objects.select_for_update(no_key=True).get(pk=plan_id)
    if plan.status == PlanStatus.ARCHIVED:
        return plan
    if plan.status != PlanStatus.PUBLISHED:
        raise PlanNotFoundError(
            f"{plan} is {plan.status}", message=gettext("A draft is not published, so there is nothing to archive.")
        )
    if plan.is_default:
        raise DefaultPlanError(f"{plan} is the default plan")
    plan.status = PlanStatus.ARCHIVED
    plan.save(update_fields=["status"])
    record(
        at=at,
        actor=actor,
        customer_id=plan.customer_id,
        action="archive_plan",
        subject=f"plan:{plan.key}:v{plan.version}",
        before={"status": PlanStatus.PUBLISHED},
        after={"status": PlanStatus.ARCHIVED},
        reason=reason,
    )
    return plan
