"""Staff: take back a change of plan that waits for its instant."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import Notice, User
from accounts.selectors import recipients_and_admins
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from plans.emails import ahead_key, stays
from plans.exceptions import ChangeSettledError
from plans.models import ScheduledChange, ScheduleStatus
from plans.spells import open_subscription


@transaction.atomic
def withdraw_change(*, change_id: int, at: datetime, actor: User | None, reason: str) -> ScheduledChange:
    """The customer stays on the present plan; whoever was told of the change is told so. Withdrawn already: untouched.

    Raises ChangeSettledError where it is carried out or superseded.
    """
    owner = ScheduledChange.objects.values_list("customer_id", flat=True).get(pk=change_id)
    lock_customers([owner])
    change = ScheduledChange.objects.select_related("plan").get(pk=change_id)
    if change.status == ScheduleStatus.WITHDRAWN:
        return change
    if change.status != ScheduleStatus.SCHEDULED:
        raise ChangeSettledError(f"change {change_id} is {change.status}")
    change.settle(ScheduleStatus.WITHDRAWN, at)
    record(
        at=at,
        actor=actor,
        customer_id=owner,
        action="withdraw_change",
        subject=f"change:{change.pk}",
        before={
            "plan": change.plan.key,
            "version": change.plan.version,
            "effective_at": change.effective_at.isoformat(),
        },
        after={"status": change.status},
        reason=reason,
    )
    if Notice.objects.filter(key=ahead_key(change)).exists():
        queue_notices([stays(change, open_subscription(owner), recipients_and_admins([owner])[owner])], at=at)
    return change
