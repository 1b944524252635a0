"""Each closed hour of a credits-only plan is charged to credit; what runs meanwhile is an open charge."""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.services.lock_customers import lock_customers
from credits.selectors import has_credits
from plans import cycle
from plans.models import SettlementMode, UsageWatch
from plans.selectors.settlement import SettlementClaim, floor_hour, running_claim, unwatched, watched
from plans.settling import seen_since, settle, show_running, watch
from plans.spells import spell_of
from usage.selectors import touched_hours


@transaction.atomic
def settle_usage(*, customer_ids: Collection[int], at: datetime, actor: User | None = None) -> int:
    """Charge every hour that ended by `at` and is not settled yet, by price and hour and in order; usage that came
    late to settled hours once, at the newest closed hour. What is used since is shown as an open charge.

    A repeat changes nothing, nor do two runs at once. On a plan that invoices what credit does not pay only the open
    charges are made anew. The number of queries does not depend on how many customers there are. Returns how many
    charges and corrections were made.
    """
    ids = sorted(set(customer_ids))
    lock_customers(ids)
    _begin_watching(ids)
    rows = watched(ids)
    touched = touched_hours(seen_since(rows))
    only = [row for row in rows if row.subscription.plan.terms().is_credit_only]
    settled = settle([_claim(row, at) for row in only], touched, at, actor)
    invoiced = [row.subscription for row in rows if not row.subscription.plan.terms().is_credit_only]
    show_running(settled, invoiced, at)
    _move_on(rows, at)
    return sum(len(one.window.lines) for one in settled)


def _begin_watching(ids: Collection[int]) -> None:
    """Spells on credits-only plans, and those of customers that have credit."""
    missing = unwatched(Q(customer_id__in=ids))
    if missing:
        owners = has_credits({spell.customer_id for spell in missing})
        only = SettlementMode.CREDIT_ONLY
        watch(spell for spell in missing if spell.customer_id in owners or spell.plan.settlement_mode == only)


def _claim(row: UsageWatch, at: datetime) -> SettlementClaim:
    spell = row.subscription
    if spell.ends_at or not spell.plan.terms().is_priced:
        newest = floor_hour(at)
        return SettlementClaim(spell, row.settled_until, newest, newest, ())
    return running_claim(spell, row.settled_until, cycle.begun_windows(spell_of(spell), at), at)


def _move_on(rows: Sequence[UsageWatch], at: datetime) -> None:
    for row in rows:
        row.seen_at = at
        if row.subscription.ends_at is None and row.subscription.plan.terms().is_credit_only:
            row.settled_until = max(row.settled_until, floor_hour(at))
    UsageWatch.objects.bulk_update(rows, ["seen_at", "settled_until"], batch_size=500)
