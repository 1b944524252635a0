"""A customer's plans as a story: what changed since an instant, and what comes."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from core import formats
from core.periods import midnight
from core.story import Coming, Event, Told
from invoices.dunning import Step
from invoices.overdue import dunning_of
from plans.models import CarriedOutConsequence, OverdueConsequence, SettlementMode, Subscription, UsageWatch
from plans.selectors.overdue import consequences_of
from plans.selectors.scheduling import scheduled_change
from plans.selectors.stating import next_month


def tell(customer_id: int, since: datetime, at: datetime, *, owes: bool) -> Told:
    """Plans that began, access refused and given back, plans that ended unpaid; and what comes. Three queries; some
    more where the customer `owes` something, of which the next reminder has to be worked out."""
    spells = _spells(customer_id)
    found = [Event(row.starts_at, f"{row.plan.title} begins.", "plan") for row in spells]
    rows = CarriedOutConsequence.objects.filter(customer=customer_id).select_related("subscription__plan")
    for row in rows.order_by("pk"):
        title, is_hold = row.subscription.plan.title, row.kind == OverdueConsequence.HOLD
        text = f"Access to {title} is on hold." if is_hold else f"{title} ends, because an invoice stayed unpaid."
        found.append(Event(row.at, text, "plan", "danger"))
        if row.released_at:
            found.append(Event(row.released_at, f"Access to {title} is back.", "plan", "success"))
    return Told([event for event in found if event.at >= since], _coming(customer_id, spells, at, owes=owes))


def coming(customer_id: int, at: datetime, *, owes: bool) -> list[Coming]:
    """Calculations, changes that are scheduled, ends of credit months, and what follows while something is overdue;
    instants that have passed among them. Two queries, some more where the customer `owes` something."""
    return _coming(customer_id, _spells(customer_id), at, owes=owes)


def _spells(customer_id: int) -> list[Subscription]:
    rows = Subscription.objects.filter(customer=customer_id).select_related("plan", "watch")
    return list(rows.order_by("pk"))


def _coming(customer_id: int, spells: Sequence[Subscription], at: datetime, *, owes: bool) -> list[Coming]:
    change = scheduled_change(customer_id)
    found = [Coming(change.effective_at, f"The plan changes to {change.plan.title}.")] if change else []
    found += [each for row in spells for each in (*_calculations(row), *_month(row))]
    return found + (_dunning(customer_id, at) if owes else [])


def _dunning(customer_id: int, at: datetime) -> list[Coming]:
    """Messages and the plan's consequence. When a card is tried again the invoices tell."""
    named = consequences_of([customer_id])
    steps = dunning_of({customer_id: at}, named)[customer_id].steps
    words = named[customer_id].sentence if named else ""
    return [Coming(step.at, _step(step, words)) for step in steps if step.kind != "try"]


def _month(row: Subscription) -> list[Coming]:
    """The end of a month of which credits are stated."""
    watch: UsageWatch | None = getattr(row, "watch", None)
    if watch is None or row.plan.settlement_mode != SettlementMode.CREDIT_ONLY:
        return []
    watch.subscription = row
    month = next_month(watch)
    return [Coming(midnight(month.end), "The month ends: credits are stated.")] if month else []


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
