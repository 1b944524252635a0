"""The instant of a scheduled change has come: the old plan ends as of it and the new one begins."""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.audit import record
from accounts.models import Customer, User
from accounts.selectors import recipients_and_admins
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from plans.emails import moved
from plans.ending import begin_spell, end_spell
from plans.exceptions import ChangeTooEarlyError
from plans.models import Plan, ScheduledChange, ScheduleStatus, Subscription
from plans.selectors.closing import closing
from plans.spells import keep_number, open_subscription, snapshot

if TYPE_CHECKING:
    from invoices.models import Invoice


@transaction.atomic
def carry_out_changes(*, change_ids: Collection[int], at: datetime, actor: User | None = None) -> list[ScheduledChange]:
    """Carry out the scheduled changes whose instant is not later than `at`; the changes as they stand afterwards.

    The closing invoice is issued at once and collected a day later (CATCH_UP_NOTICE): it is announced only now. A
    change that is settled, or to the plan the customer is on, changes nothing. Raises ChangeTooEarlyError where
    charges from after its instant are issued already.
    """
    ids = list(change_ids)
    customers = lock_customers(ScheduledChange.objects.filter(pk__in=ids).values_list("customer_id", flat=True))
    changes = list(ScheduledChange.objects.filter(pk__in=ids).select_related("created_by").order_by("pk"))
    plans = Plan.objects.with_cards().in_bulk({change.plan_id for change in changes})
    for change in changes:
        if change.status == ScheduleStatus.SCHEDULED and change.effective_at <= at:
            change.plan = plans[change.plan_id]
            _carry_out(change, customers[change.customer_id], at, actor or change.created_by)
    return changes


def _carry_out(change: ScheduledChange, customer: Customer, at: datetime, actor: User | None) -> None:
    current = open_subscription(customer.pk)
    change.settle(ScheduleStatus.DONE, at)
    if current.plan_id == change.plan_id:
        change.opened = current
    else:
        change.opened = _move(change, customer, current, at, actor)
    change.save(update_fields=["opened"])


def _move(
    change: ScheduledChange, customer: Customer, current: Subscription, at: datetime, actor: User | None
) -> Subscription:
    moment = max(change.effective_at, current.starts_at)
    opens_id = keep_number()
    owed = closing(current, moment, to=change.plan, opens_id=opens_id, now=at)
    if moment < owed.window_starts_at:
        raise ChangeTooEarlyError(f"customer {customer.pk}: charges from after {moment} are issued")
    invoice = end_spell(
        current=current, owed=owed, to=change.plan, ends_at=moment, at=at, actor=actor, collect_now=False
    )
    opened = begin_spell(customer=customer, before=current, plan=change.plan, starts_at=moment, opens_id=opens_id)
    _tell(change, current, opened, invoice, at, actor)
    return opened


def _tell(
    change: ScheduledChange,
    before: Subscription,
    after: Subscription,
    invoice: "Invoice | None",
    at: datetime,
    actor: User | None,
) -> None:
    record(
        at=at,
        actor=actor,
        customer_id=change.customer_id,
        action="carry_out_changes",
        subject=f"change:{change.pk}",
        before=snapshot(before),
        after={**snapshot(after), "total": invoice.total if invoice else 0},
        reason=change.reason,
    )
    to = recipients_and_admins([change.customer_id])[change.customer_id]
    queue_notices([moved(change, before, after, invoice, to)], at=at)
