"""The worker: schedule a change for everybody whom a migration moves, in batches."""

import logging
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from accounts.audit import audit
from accounts.models import AuditEntry
from accounts.selectors import recipients_and_admins
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from plans.emails import changes_ahead
from plans.examples import month_price
from plans.models import MoveTime, Plan, ScheduledChange, Subscription, SubscriptionMigration
from plans.scheduling import move_instant
from plans.selectors.comparing import usage_of_month
from plans.selectors.migrating import due_migrations, to_move

logger = logging.getLogger(__name__)
BATCH = 500


def schedule_migrations(*, at: datetime) -> int:
    """Schedule what migrations have left to schedule; how many changes this call has made.

    Each batch is a transaction of its own: after an interruption the next call goes on. Who can't move by now is left
    out. Whoever moves on a day ahead is told so, with prices and what the last thirty days would have cost.
    """
    return sum(_schedule_all(migration, at) for migration in due_migrations())


def _schedule_all(migration: SubscriptionMigration, at: datetime) -> int:
    migration.plan = Plan.objects.with_cards().get(pk=migration.plan_id)
    done = last = 0
    try:
        while batch := _batch(migration, last):
            done += _schedule(list(batch.values()), migration, at)
            last = max(batch)
    except Exception:  # the others, and the rest of the run, go on; the next call tries this one again
        logger.exception("migration %s is interrupted", migration.key)
        return done
    migration.scheduled_at = at
    migration.save(update_fields=["scheduled_at"])
    return done


def _batch(migration: SubscriptionMigration, last: int) -> dict[int, int]:
    """The next subscriptions by the id of their customer, after the customer `last`."""
    rows = to_move(migration).filter(customer_id__gt=last).order_by("customer_id")
    return dict(rows.values_list("customer_id", "pk")[:BATCH])


@transaction.atomic
def _schedule(subscription_ids: Collection[int], migration: SubscriptionMigration, at: datetime) -> int:
    rows = Subscription.objects.filter(pk__in=subscription_ids)
    lock_customers(rows.values_list("customer_id", flat=True))
    spells = list(to_move(migration).filter(pk__in=subscription_ids).with_terms().order_by("pk"))
    changes = [
        ScheduledChange(
            customer_id=spell.customer_id,
            plan=migration.plan,
            effective_at=move_instant(spell, MoveTime(migration.when), spell.customer.present(at)),
            reason=migration.reason,
            migration=migration,
            created_at=at,
            created_by=migration.created_by,
        )
        for spell in spells
    ]
    ScheduledChange.objects.bulk_create(changes)
    pairs = list(zip(spells, changes, strict=True))
    AuditEntry.objects.bulk_create([_audit(spell, change, at) for spell, change in pairs])
    _tell([pair for pair in pairs if pair[1].effective_at > pair[0].customer.present(at)], at)
    return len(changes)


def _tell(pairs: Collection[tuple[Subscription, ScheduledChange]], at: datetime) -> None:
    """Those whose plan changes on a day ahead; the others hear of it when it has changed."""
    ids = [spell.customer_id for spell, _change in pairs]
    to = recipients_and_admins(ids)
    used = usage_of_month(ids, [plan for spell, change in pairs for plan in (spell.plan, change.plan)], at)
    notices = []
    for spell, change in pairs:
        month = used[spell.customer_id]
        before, after = (month_price(plan.terms(), month) for plan in (spell.plan, change.plan))
        notices.append(changes_ahead(change, spell, (before, after), to[spell.customer_id]))
    queue_notices(notices, at=at)


def _audit(spell: Subscription, change: ScheduledChange, at: datetime) -> AuditEntry:
    return audit(
        at=at,
        actor=change.created_by,
        customer_id=spell.customer_id,
        action="schedule_migrations",
        subject=f"change:{change.pk}",
        before={"plan": spell.plan.key, "version": spell.plan.version},
        after={"version": change.plan.version, "effective_at": change.effective_at.isoformat()},
        reason=change.reason,
    )
