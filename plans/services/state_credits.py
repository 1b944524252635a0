"""A month of a credits-only plan has ended: its statement takes the place of an invoice."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.services.lock_customers import lock_customers
from invoices.services.issue_statements import issue_statements
from invoices.statements import StatementDraft
from plans.models import UsageWatch
from plans.selectors.stating import months_to_state


@transaction.atomic
def state_credits(*, subscription_ids: Collection[int], at: datetime, actor: User | None = None) -> list[int]:
    """Issue the next monthly statement of these subscriptions, where a billing period has ended by `at` and its hours
    are settled: one period each, the caller repeats until nothing is due. Returns the subscriptions it was issued for.

    Asked again under the lock, so two runs at once state once.
    """
    ids = list(subscription_ids)
    lock_customers(UsageWatch.objects.filter(subscription_id__in=ids).values_list("customer_id", flat=True))
    months = months_to_state(ids, at)
    wanted = [StatementDraft(row.customer_id, row.subscription.plan.currency, period) for row, period in months]
    issue_statements(wanted=wanted, at=at, actor=actor)
    for row, period in months:
        row.stated_until = period.end
    UsageWatch.objects.bulk_update([row for row, _period in months], ["stated_until"], batch_size=500)
    return [row.pk for row, _period in months]
