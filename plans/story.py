"""A customer's plans as a story: what changed since an instant, and what comes."""

from datetime import datetime

from django.conf import settings
from django.db.models import Q

from core import formats
from core.periods import midnight
from core.story import Coming, Event
from invoices.dunning import Step
from plans.models import CarriedOutConsequence, OverdueConsequence, SettlementMode, Subscription, UsageWatch
from plans.selectors.overdue import consequences_of, dunning_of_customer
from plans.selectors.scheduling import scheduled_change
from plans.selectors.stating import next_month


def happened(customer_id: int, since: datetime, limit: int) -> list[Event]:
    """Plans that began, access refused and given back, plans that ended unpaid. Two queries."""
    spells = Subscription.objects.filter(customer=customer_id, starts_at__gte=since).select_related("plan")
    found = [Event(row.starts_at, f"{row.plan.title} begins.", "plan") for row in spells.order_by("-pk")[:limit]]
    rows = CarriedOutConsequence.objects.filter(Q(at__gte=since) | Q(released_at__gte=since), customer=customer_id)
    for row in rows.select_related("subscription__plan").order_by("-pk")[:limit]:
        title, is_hold = row.subscription.plan.title, row.kind == OverdueConsequence.HOLD
        text = f"Access to {title} is on hold." if is_hold else f"{title} ends, because an invoice stayed unpaid."
        found.append(Event(row.at, text, "plan", "danger"))
        if row.released_at:
            found.append(Event(row.released_at, f"Access to {title} is back.", "plan", "success"))
    return [event for event in found if event.at >= since]


def coming(customer_id: int, at: datetime) -> list[Coming]:
    """Calculations, changes that are scheduled, ends of credit months, and what follows while something is overdue;
    instants that have passed among them."""
    change = scheduled_change(customer_id)
    found = [Coming(change.effective_at, f"The plan changes to {change.plan.title}.")] if change else []
    wanted = Q(ends_at__isnull=True, calculate_at__isnull=False) | Q(follow_up_at__isnull=False)
    for row in Subscription.objects.filter(wanted, customer=customer_id).order_by("pk"):
        found += _calculations(row)
    watched = UsageWatch.objects.filter(
        customer=customer_id, subscription__plan__settlement_mode=SettlementMode.CREDIT_ONLY
    )
    months = [next_month(row) for row in watched.select_related("subscription")]
    found += [Coming(midnight(month.end), "The month ends: credits are stated.") for month in months if month]
    sentence = consequences_of([customer_id]).get(customer_id)
    words = sentence.sentence if sentence else ""
    steps = dunning_of_customer(customer_id, at).steps
    return found + [Coming(step.at, _step(step, words)) for step in steps if step.kind != "try"]


def _calculations(row: Subscription) -> list[Coming]:
    found = []
    if row.calculate_at and row.next_billing_on and row.ends_at is None:
        on = formats.day(row.next_billing_on)
        found.append(Coming(row.calculate_at + settings.CALCULATION_GRACE, f"Charges are calculated for {on}."))
    if row.follow_up_at:
        words = "Usage that came late to the plan before is looked for."
        found.append(Coming(row.follow_up_at + settings.CALCULATION_GRACE, words))
    return found


def _step(step: Step, consequence: str) -> str:
    if step.kind == "reminder":
        return "A reminder of what is unpaid is sent."
    if step.kind == "final":
        return "The last notice is sent, which says what follows."
    return f"At the earliest, if it stays unpaid: {consequence}." if consequence else "What the last notice says."
