"""Opening and closing spells: the part that every verb changing the plan has in common."""

from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import prefetch_related_objects

from accounts.models import Customer
from core.periods import calculation_instant, midnight, next_billing_date, utc_day
from plans import cycle
from plans.exceptions import NoSubscriptionError
from plans.models import (
    Calendar,
    Plan,
    ScheduledChange,
    ScheduleStatus,
    Subscription,
    UsageWatch,
    cards_in_order,
    open_as_ending,
)


def calendar_of(spell: cycle.Spell) -> Calendar:
    """Where a subscription stands whose next billing date is that of `spell`."""
    billing_on = spell.next_billing_on
    return Calendar(cycle.window_start(spell), billing_on, calculation_instant(billing_on))


def spell_of(subscription: Subscription, next_billing_on: date | None = None) -> cycle.Spell:
    """Its dates as plain values; a plan that is never billed counts as if its first billing date were ahead."""
    first = cycle.first_billing_date(subscription.anchor_on, subscription.starts_at)
    billing_on = next_billing_on or subscription.next_billing_on or first
    return cycle.Spell(subscription.anchor_on, subscription.starts_at, billing_on)


def first_calendar(plan: Plan, anchor_on: date, starts_at: datetime) -> Calendar:
    """Where a new spell stands: a plan without prices is never billed."""
    if not plan.terms().is_priced:
        return Calendar(starts_at, None, None)
    first = cycle.first_billing_date(anchor_on, starts_at)
    return calendar_of(cycle.Spell(anchor_on, starts_at, first))


def open_subscription(customer_id: int, *, to: Plan | None = None) -> Subscription:
    """The open spell `as_ending`, read under the customer's lock; the cards of the plan that it may change `to` in the
    same query. Raises NoSubscriptionError."""
    subscription = open_as_ending().filter(customer_id=customer_id).first()
    if subscription is None:
        raise NoSubscriptionError(f"customer {customer_id} has no open subscription")
    prefetch_related_objects([subscription.plan, to] if to else [subscription.plan], cards_in_order())
    return subscription


def tax_place(subscription: Subscription) -> tuple[str, str]:
    """(ISO country, tax id) of its customer, each "" where none was given; no query where it was read `with_plan`."""
    profile = getattr(subscription.customer, "billing_profile", None)
    return (profile.country, profile.tax_id) if profile else ("", "")


def next_anchor(current: Subscription, plan: Plan, at: datetime) -> date:
    """From paid plan to paid plan anchor and billing dates are kept; else the day of the change is the anchor."""
    keeps = current.plan.terms().is_priced and plan.terms().is_priced
    return current.anchor_on if keeps else utc_day(at)


def keep_number() -> int:
    """A number for a spell that may begin: the keys of its first lines are known before it does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('plans_subscription', 'id'))")
        return int(cursor.fetchone()[0])


def open_spell(
    *, customer: Customer, plan: Plan, at: datetime, anchor_on: date | None = None, opens_id: int | None = None
) -> Subscription:
    """Begin a spell, with that day as its anchor unless it keeps another one's, and push the plan's payment policy
    down to the customer. `opens_id` is a number kept for it before."""
    anchor_on = anchor_on or utc_day(at)
    calendar = first_calendar(plan, anchor_on, at)
    spell = Subscription.objects.create(
        pk=opens_id, customer=customer, plan=plan, anchor_on=anchor_on, starts_at=at, **calendar._asdict()
    )
    if plan.terms().is_priced:  # its own calculations look for late usage from now on
        Subscription.objects.filter(customer=customer, follow_up_at__isnull=False).update(follow_up_at=None)
    if plan.terms().is_credit_only:
        UsageWatch.objects.create(subscription=spell, customer=customer, settled_until=at)
    if customer.payment_policy != plan.payment_policy:
        customer.payment_policy = plan.payment_policy
        customer.save(update_fields=["payment_policy"])
    return spell


def close_spell(subscription: Subscription, ends_at: datetime, *, followed_by: Plan, at: datetime) -> None:
    """End a spell at `ends_at`, decided `at`: nothing is due for it any more. Two rows of one customer never overlap.

    What staff had scheduled for the customer is superseded. Where the next plan has no prices, usage that comes late
    is looked for on the calculation instants of this one.
    """
    waiting = ScheduledChange.objects.filter(customer_id=subscription.customer_id, status=ScheduleStatus.SCHEDULED)
    waiting.update(status=ScheduleStatus.SUPERSEDED, settled_at=at)
    if subscription.plan.terms().is_priced and not followed_by.terms().is_priced:
        subscription.follow_up_at = next_calculation(subscription.anchor_on, ends_at)
    if subscription.plan.terms().is_credit_only:  # what comes late of it is charged to credit all the same
        UsageWatch.objects.filter(subscription=subscription).update(settled_until=ends_at)
    elif hasattr(subscription, "watch"):
        UsageWatch.objects.filter(subscription=subscription).delete()
    subscription.ends_at = subscription.window_starts_at = ends_at
    subscription.next_billing_on = subscription.calculate_at = None
    subscription.save(update_fields=["ends_at", "window_starts_at", "next_billing_on", "calculate_at", "follow_up_at"])


def period_end(subscription: Subscription, at: datetime) -> datetime:
    """The instant its running billing period ends; a plan without prices counts months from its anchor too."""
    return midnight(next_billing_date(subscription.anchor_on, utc_day(at)))


def next_calculation(anchor_on: date, after: datetime) -> datetime:
    """The first calculation instant of this anchor later than an instant."""
    billing_on = next_billing_date(anchor_on, utc_day(after))
    while calculation_instant(billing_on) <= after:
        billing_on = next_billing_date(anchor_on, billing_on)
    return calculation_instant(billing_on)


def snapshot(subscription: Subscription) -> dict[str, Any]:
    """A spell as the audit trail remembers it."""
    return {
        "subscription": subscription.pk,
        "plan": subscription.plan.key,
        "version": subscription.plan.version,
        "anchor_on": subscription.anchor_on.isoformat(),
    }
