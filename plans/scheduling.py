"""The rules of changes that staff decide, for showing and for doing them: which plan, and from which instant."""

from datetime import date, datetime, timedelta
from typing import Literal

from core.periods import midnight, utc_day
from plans.exceptions import AlreadySubscribedError, ChangeTooEarlyError, PlanNotFoundError
from plans.models import MoveTime, Plan, PlanStatus, Subscription
from plans.selectors.closing import closing
from plans.spells import period_end

When = Literal["now", "period_end"] | date
NOTICE = timedelta(days=30)  # how long before a change of price customers hear of it


def check_plan(plan: Plan, current: Subscription) -> None:
    """Raises PlanNotFoundError for a version that is not published or another customer's contract,
    AlreadySubscribedError for the present one."""
    if plan.status != PlanStatus.PUBLISHED:
        raise PlanNotFoundError(f"{plan} is {plan.status}")
    if plan.customer_id not in (None, current.customer_id):
        raise PlanNotFoundError(f"{plan} is the contract of customer {plan.customer_id}")
    if plan.pk == current.plan_id:
        raise AlreadySubscribedError(f"customer {current.customer_id} is on {plan} already")


def effective_instant(current: Subscription, when: When, at: datetime) -> datetime:
    """Where the present plan would end and the next begin. Raises ChangeTooEarlyError."""
    if when == "now":
        return at
    if when == "period_end":
        return period_end(current, at)
    if not isinstance(when, date):
        raise ValueError(f"now, period_end or a day, not {when!r}")
    return midnight(when) if when > utc_day(at) else _past(current, when, at)


def move_instant(current: Subscription, when: MoveTime, at: datetime) -> datetime:
    """When one subscription of a migration moves: never before it began."""
    if when == MoveTime.NOW:
        return max(at, current.starts_at)
    return period_end(current, at if when == MoveTime.PERIOD_END else at + NOTICE)


def _past(current: Subscription, on: date, at: datetime) -> datetime:
    """That day, from where the current plan began on it; never before this month, nor what is issued already."""
    if on < utc_day(at).replace(day=1):
        raise ChangeTooEarlyError(f"{on} is before the month of {at}")
    starts_at = max(midnight(on), current.starts_at) if on == utc_day(current.starts_at) else midnight(on)
    if starts_at < current.starts_at or starts_at < closing(current, at).window_starts_at:
        raise ChangeTooEarlyError(f"customer {current.customer_id}: {on} is billed already")
    return starts_at
