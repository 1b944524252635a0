"""Opening and closing spells: the part that every verb changing the plan has in common."""

from datetime import date, datetime
from typing import Any

from accounts.models import Customer
from core.periods import calculation_instant, utc_day
from plans import cycle
from plans.exceptions import NoSubscriptionError
from plans.models import Calendar, Plan, Subscription


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


def open_subscription(customer_id: int) -> Subscription:
    """The open spell with plan, cards and customer, read under the customer's lock. Raises NoSubscriptionError."""
    subscription = Subscription.objects.open().with_terms().filter(customer_id=customer_id).first()
    if subscription is None:
        raise NoSubscriptionError(f"customer {customer_id} has no open subscription")
    return subscription


def open_spell(*, customer: Customer, plan: Plan, at: datetime) -> Subscription:
    """Begin a spell with that day as its anchor, and push the plan's payment policy down to the customer."""
    anchor_on = utc_day(at)
    calendar = first_calendar(plan, anchor_on, at)
    spell = Subscription.objects.create(
        customer=customer, plan=plan, anchor_on=anchor_on, starts_at=at, **calendar._asdict()
    )
    if customer.payment_policy != plan.payment_policy:
        customer.payment_policy = plan.payment_policy
        customer.save(update_fields=["payment_policy"])
    return spell


def close_spell(subscription: Subscription, at: datetime) -> None:
    """End a spell: nothing is due for it any more. Two rows of one customer never overlap."""
    subscription.ends_at = subscription.window_starts_at = at
    subscription.next_billing_on = subscription.calculate_at = None
    subscription.save(update_fields=["ends_at", "window_starts_at", "next_billing_on", "calculate_at"])


def snapshot(subscription: Subscription) -> dict[str, Any]:
    """A spell as the audit trail remembers it."""
    return {
        "subscription": subscription.pk,
        "plan": subscription.plan.key,
        "version": subscription.plan.version,
        "anchor_on": subscription.anchor_on.isoformat(),
    }
