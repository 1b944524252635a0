"""Staff: move everybody who is on another version of a plan to this one."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.audit import audit
from accounts.models import AuditEntry, User
from accounts.services.lock_customers import lock_customers
from plans.exceptions import PlanNotFoundError
from plans.models import Plan, PlanStatus, ScheduledChange, ScheduleStatus, Subscription, SubscriptionQuerySet
from plans.spells import period_end

BATCH = 500


def migrate_subscriptions(
    *, plan_key: str, to_version: int, when: Literal["now", "period_end"], at: datetime, actor: User | None
) -> int:
    """Schedule the move of every open subscription of the plan that is on another version; the run carries it out,
    customer by customer, as of `at` or of each one's next billing date. How many were scheduled by this call.

    Each batch is a transaction of its own: after an interruption the next call schedules the rest. Who has a change
    scheduled already keeps it. Raises PlanNotFoundError where the version is not the published one.
    """
    plan = Plan.objects.filter(key=plan_key, version=to_version, status=PlanStatus.PUBLISHED).first()
    if plan is None:
        raise PlanNotFoundError(f"{plan_key} v{to_version} is not published")
    ids = list(_to_migrate(plan).order_by("customer_id").values_list("pk", flat=True))
    return sum(_schedule(ids[place : place + BATCH], plan, when, at, actor) for place in range(0, len(ids), BATCH))


def _to_migrate(plan: Plan) -> SubscriptionQuerySet:
    waiting = ScheduledChange.objects.filter(customer=OuterRef("customer"), status=ScheduleStatus.SCHEDULED)
    others = Subscription.objects.open().filter(plan__key=plan.key, plan__currency=plan.currency)
    return others.exclude(plan=plan).exclude(Exists(waiting))


@transaction.atomic
def _schedule(subscription_ids: Collection[int], plan: Plan, when: str, at: datetime, actor: User | None) -> int:
    rows = Subscription.objects.filter(pk__in=subscription_ids)
    lock_customers(rows.values_list("customer_id", flat=True))
    spells = list(_to_migrate(plan).filter(pk__in=subscription_ids).select_related("customer", "plan").order_by("pk"))
    changes = [
        ScheduledChange(
            customer_id=spell.customer_id,
            plan=plan,
            effective_at=_effective_at(spell, when, at),
            reason=f"Version {plan.version} of {plan.name}",
            created_at=at,
            created_by=actor,
        )
        for spell in spells
    ]
    ScheduledChange.objects.bulk_create(changes)
    AuditEntry.objects.bulk_create(
        [_audit(spell, change, at, actor) for spell, change in zip(spells, changes, strict=True)]
    )
    return len(changes)


def _effective_at(spell: Subscription, when: str, at: datetime) -> datetime:
    present = spell.customer.present(at)
    return max(present, spell.starts_at) if when == "now" else period_end(spell, present)


def _audit(spell: Subscription, change: ScheduledChange, at: datetime, actor: User | None) -> AuditEntry:
    return audit(
        at=at,
        actor=actor,
        customer_id=spell.customer_id,
        action="migrate_subscriptions",
        subject=f"change:{change.pk}",
        before={"plan": spell.plan.key, "version": spell.plan.version},
        after={"version": change.plan.version, "effective_at": change.effective_at.isoformat()},
        reason=change.reason,
    )
