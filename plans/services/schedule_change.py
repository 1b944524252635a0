"""Staff: another plan for a customer – now, at the end of the period, or from a day on."""

from datetime import date, datetime
from typing import Literal

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from core.periods import midnight, utc_day
from plans.exceptions import AlreadySubscribedError, ChangeTooEarlyError, PlanNotFoundError
from plans.models import Plan, PlanStatus, ScheduledChange, ScheduleStatus, Subscription
from plans.quotes import check_currency
from plans.selectors.closing import closing
from plans.services.carry_out_changes import carry_out_changes
from plans.spells import open_subscription, period_end

When = Literal["now", "period_end"] | date


@transaction.atomic
def schedule_change(
    *, customer_id: int, plan: Plan, when: When, at: datetime, actor: User | None, reason: str
) -> ScheduledChange:
    """Decide that `plan` begins now, at the next billing date, or on a UTC day; an earlier decision is superseded.

    A day ahead waits for the run; now and a past day, of the current month at most, are carried out at once: the old
    plan ends as of that instant and everything since is billed by the new one, in order. The closing invoice is
    announced and collected a day later, because nobody has confirmed it. The same wish twice is the same change.
    Raises PlanNotFoundError, AlreadySubscribedError, CurrencyMismatchError, ChangeTooEarlyError, NoSubscriptionError.
    """
    customer = lock_customers([customer_id])[customer_id]
    current = open_subscription(customer_id)
    _check_plan(plan, current)
    check_currency(customer, current, plan)
    effective_at = _effective_at(current, when, at)
    waiting = ScheduledChange.objects.filter(customer_id=customer_id, status=ScheduleStatus.SCHEDULED)
    same = waiting.filter(plan=plan, effective_at=effective_at).first()
    if same is not None:
        return same
    waiting.update(status=ScheduleStatus.SUPERSEDED, settled_at=at)
    change = ScheduledChange.objects.create(
        customer=customer, plan=plan, effective_at=effective_at, reason=reason, created_at=at, created_by=actor
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


def _check_plan(plan: Plan, current: Subscription) -> None:
    if plan.status != PlanStatus.PUBLISHED:
        raise PlanNotFoundError(f"{plan} is {plan.status}")
    if plan.pk == current.plan_id:
        raise AlreadySubscribedError(f"customer {current.customer_id} is on {plan} already")


def _effective_at(current: Subscription, when: When, at: datetime) -> datetime:
    if when == "now":
        return at
    if when == "period_end":
        return period_end(current, at)
    if not isinstance(when, date):
        raise ValueError(f"now, period_end or a day, not {when!r}")
    return midnight(when) if when > utc_day(at) else _past(current, when, at)


def _past(current: Subscription, on: date, at: datetime) -> datetime:
    """That day, from where the current plan began on it; never before this month, nor what is issued already."""
    if on < utc_day(at).replace(day=1):
        raise ChangeTooEarlyError(f"{on} is before the month of {at}")
    starts_at = max(midnight(on), current.starts_at) if on == utc_day(current.starts_at) else midnight(on)
    if starts_at < current.starts_at or starts_at < closing(current, at).window_starts_at:
        raise ChangeTooEarlyError(f"customer {current.customer_id}: {on} is billed already")
    return starts_at
