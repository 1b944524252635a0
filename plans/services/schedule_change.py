"""Staff: another plan for a customer – now, at the end of the period, or from a day on."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from plans.models import Plan, ScheduledChange, ScheduleStatus
from plans.quotes import check_currency
from plans.scheduling import When, check_plan, effective_instant
from plans.selectors.scheduling import change_by_key
from plans.services.carry_out_changes import carry_out_changes
from plans.spells import open_subscription


@transaction.atomic
def schedule_change(
    *, customer_id: int, plan: Plan, when: When, at: datetime, actor: User | None, reason: str, key: str | None = None
) -> ScheduledChange:
    """Decide that `plan` begins now, at the next billing date, or on a UTC day; an earlier decision is superseded.

    A day ahead waits for the run; now and a past day, of the current month at most, are carried out at once: the old
    plan ends as of that instant and everything since is billed by the new one, in order. The closing invoice is
    announced and collected a day later, because nobody has confirmed it. The same wish twice is the same change,
    and so is the same `key`, whatever has become of it since.
    Raises PlanNotFoundError, AlreadySubscribedError, CurrencyMismatchError, ChangeTooEarlyError, NoSubscriptionError.
    """
    customer = lock_customers([customer_id])[customer_id]
    known = change_by_key(customer_id, key) if key else None
    if known is not None:
        return known
    current = open_subscription(customer_id)
    check_plan(plan, current)
    check_currency(customer, current, plan)
    effective_at = effective_instant(current, when, at)
    waiting = ScheduledChange.objects.filter(customer_id=customer_id, status=ScheduleStatus.SCHEDULED)
    same = waiting.filter(plan=plan, effective_at=effective_at).first()
    if same is not None:
        return same
    waiting.update(status=ScheduleStatus.SUPERSEDED, settled_at=at)
    change = ScheduledChange.objects.create(
        customer=customer,
        plan=plan,
        effective_at=effective_at,
        reason=reason,
        key=key,
        created_at=at,
        created_by=actor,
    )
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="schedule_change",
        subject=f"change:{change.pk}",
        before={"plan": current.plan.key, "version": current.plan.version},
        after={"plan": plan.key, "version": plan.version, "effective_at": effective_at.isoformat()},
        reason=reason,
    )
    if effective_at <= at:
        [change] = carry_out_changes(change_ids=[change.pk], at=at, actor=actor)
    return change
