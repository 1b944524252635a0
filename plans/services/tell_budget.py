"""Compare a budget with what was spent and used, and tell what it asks for: each threshold once per usage window."""

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import Notice
from accounts.notices import NoticeDraft
from accounts.selectors import recipients
from accounts.services.queue_notices import queue_notices
from plans.budgets import reached
from plans.emails_budgets import included_alert, included_key, projected_alert, spend_alert, spend_key
from plans.models import Budget
from plans.models_budgets import PERCENTS
from plans.selectors.spending import Spending, spending


@transaction.atomic
def tell_budget(*, budget_id: int, at: datetime) -> int:
    """How many messages were queued. `at` is everybody's present; the customer's own clock decides the window.

    Of several thresholds that were passed since the last look the highest is told, and none below one that was told.
    Somebody else is at it already: nothing.
    """
    rows = Budget.objects.select_related("customer").select_for_update(of=("self",), skip_locked=True)
    budget = rows.filter(pk=budget_id).first()
    if budget is None:
        return 0
    now = spending(budget.customer, budget.customer.present(at))
    to = recipients([budget.customer_id])[budget.customer_id]
    wanted = [*_spent(budget, now, to), *_used(budget, now, to)]
    keys = [key for _draft, at_least in wanted for key in at_least]
    told = set(Notice.objects.filter(key__in=keys).values_list("key", flat=True))
    untold = [draft for draft, at_least in wanted if draft.to and told.isdisjoint(at_least)]
    queue_notices(untold, at=at)
    budget.looked_at = at
    budget.save(update_fields=["looked_at"])
    if untold:
        record(
            at=at,
            actor=None,
            customer_id=budget.customer_id,
            action="tell_budget",
            subject=f"budget:{budget.pk}",
            after={"told": [draft.key for draft in untold]},
        )
    return len(untold)


# Messages, each with the keys of those that say as much or more: where one of them was sent, this one is not.
Wanted = Iterator[tuple[NoticeDraft, list[str]]]


def _spent(budget: Budget, now: Spending, to: list[str]) -> Wanted:
    """An amount in another currency than the plan's says nothing about it."""
    amount = budget.amount
    if amount is None or budget.currency != now.currency:
        return
    percent = reached(now.so_far, amount, budget.spend_percents)
    if percent is not None:
        yield spend_alert(budget, now, percent, to), [spend_key(budget, now, one) for one in _from(percent)]
    if budget.projected and now.projected is not None and now.projected > amount > now.so_far:
        draft = projected_alert(budget, now, to)
        yield draft, [draft.key]


def _used(budget: Budget, now: Spending, to: list[str]) -> Wanted:
    for row in now.rows:
        percent = reached(row.quantity, row.included, budget.included_percents)
        if percent is not None:
            keys = [included_key(budget, now, row, one) for one in _from(percent)]
            yield included_alert(budget, now, row, percent, to), keys


def _from(percent: int) -> list[int]:
    return [one for one in PERCENTS if one >= percent]
