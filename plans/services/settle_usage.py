"""Each closed hour of a credits-only plan is charged to credit; what runs meanwhile is an open charge."""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.services.lock_customers import lock_customers
from credits.selectors import has_credits
from credits.services.settle_open_charges import settle_open_charges
from credits.waiting import WaitingCharge, waiting_charges
from plans.models import SettlementMode, UsageWatch
from plans.selectors.settlement import Settled, Touched, floor_hour, running_claim, unwatched, watched
from plans.settling import seen_since, settle, show_running, watch
from usage.selectors import hours_since


@transaction.atomic
def settle_usage(*, customer_ids: Collection[int], at: datetime, actor: User | None = None) -> int:
    """Charge every hour that ended by `at` and is not settled yet, by price and hour and in order; usage that came
    late to settled hours once, at the newest closed hour; and fees whose billing date has come, after the hours before
    it. What is used since is shown as an open charge.

    A repeat changes nothing, nor do two runs at once. On a plan that invoices what credit does not pay only the open
    charges are made anew. The number of queries does not depend on how many customers there are. Returns how many
    charges and corrections were made.
    """
    ids = sorted(set(customer_ids))
    customers = lock_customers(ids)
    _begin_watching(ids)
    rows = watched(ids)
    only = [row for row in rows if row.subscription.plan.terms().is_credit_only]
    touched = hours_since(seen_since(rows))
    due = [one for one in waiting_charges(ids) if one.settles_at <= customers[one.customer_id].present(at)]
    done = _settle_by_instant(only, due, touched, at, actor)
    settled = _settle(only, touched, at, at, actor)
    invoiced = [row.subscription for row in rows if not row.subscription.plan.terms().is_credit_only]
    show_running(settled, invoiced, at)
    for row in rows:
        row.seen_at = at
    UsageWatch.objects.bulk_update(rows, ["seen_at", "settled_until"], batch_size=500)
    return done + sum(len(one.window.lines) for one in settled)


def _begin_watching(ids: Collection[int]) -> None:
    """Spells on credits-only plans, and those of customers that have credit."""
    missing = unwatched(Q(customer_id__in=ids))
    if missing:
        owners = has_credits({spell.customer_id for spell in missing})
        only = SettlementMode.CREDIT_ONLY
        watch(spell for spell in missing if spell.customer_id in owners or spell.plan.settlement_mode == only)


def _settle_by_instant(
    rows: Sequence[UsageWatch], due: Sequence[WaitingCharge], touched: Touched, at: datetime, actor: User | None
) -> int:
    """Fees in the order of their billing dates, each after the usage before it."""
    done = 0
    for instant in sorted({one.settles_at for one in due}):
        fees = [one for one in due if one.settles_at == instant]
        owners = {one.customer_id for one in fees}
        mine = [row for row in rows if row.customer_id in owners and row.settled_until < floor_hour(instant)]
        done += sum(len(one.window.lines) for one in _settle(mine, touched, instant, at, actor))
        done += settle_open_charges(ids=[one.id for one in fees], at=at)
    return done


def _settle(
    rows: Sequence[UsageWatch], touched: Touched, until: datetime, at: datetime, actor: User | None
) -> list[Settled]:
    settled = settle([running_claim(row, until, at) for row in rows], touched, at, actor)
    for row in rows:
        if row.subscription.ends_at is None:
            row.settled_until = max(row.settled_until, floor_hour(until))
    return settled
