"""Staff: move everybody who is on another version of a plan to this one – the wish, which a worker carries on."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from plans.exceptions import NobodyToMoveError, PlanNotFoundError
from plans.models import MoveTime, Plan, PlanStatus, SubscriptionMigration
from plans.selectors.migrating import others


@transaction.atomic
def migrate_subscriptions(
    *, key: str, plan_id: int, when: MoveTime, reason: str, at: datetime, actor: User | None
) -> SubscriptionMigration:
    """Decide that the open subscriptions of the plan's other versions move to this one; `schedule_migrations` goes on.

    Nothing of a customer changes here, however many there are. `when`: as soon as the worker comes to each, at the next
    billing date of each, or at the first one that is thirty days ahead. Who can't move then (plans/selectors/migrating)
    stays. The same key gives the migration it made before. Raises PlanNotFoundError where the version is not the
    published one, NobodyToMoveError.
    """
    plan = Plan.objects.with_cards().select_for_update(no_key=True).get(pk=plan_id)
    known = SubscriptionMigration.objects.filter(key=key, plan=plan).first()
    if known is not None:
        return known
    if plan.status != PlanStatus.PUBLISHED:
        raise PlanNotFoundError(f"{plan} is {plan.status}")
    versions = list(others(plan).filter(obstacle="").order_by().values_list("plan__version", flat=True))
    if not versions:
        raise NobodyToMoveError(f"nobody can move to {plan}")
    migration = SubscriptionMigration.objects.create(
        key=key,
        plan=plan,
        from_versions=sorted(set(versions)),
        when=when,
        expected=len(versions),
        reason=reason,
        created_at=at,
        created_by=actor,
    )
    record(
        at=at,
        actor=actor,
        customer_id=None,
        action="migrate_subscriptions",
        subject=f"plan:{plan.key}:v{plan.version}",
        before={"versions": migration.from_versions},
        after={"version": plan.version, "when": str(when), "subscriptions": migration.expected},
        reason=reason,
    )
    return migration
