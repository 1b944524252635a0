"""A customer's plans as a story: what changed since an instant, and what comes."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.figures import written
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
    found = [Event(row.starts_at, _("%(plan)s begins.") % {"plan": row.plan.title}, "plan") for row in spells]
    rows = CarriedOutConsequence.objects.filter(customer=customer_id).select_related("subscription__plan")
    for row in rows.order_by("pk"):
        plan, is_hold = {"plan": row.subscription.plan.title}, row.kind == OverdueConsequence.HOLD
        held, ended = _("Access to %(plan)s is on hold."), _("%(plan)s ends, because an invoice stayed unpaid.")
        found.append(Event(row.at, (held if is_hold else ended) % plan, "plan", "danger"))
        if row.released_at:
            found.append(Event(row.released_at, _("Access to %(plan)s is back.") % plan, "plan", "success"))
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
    found: list[Coming] = []
    if change:
        text = _("The plan changes to %(plan)s.") % {"plan": change.plan.title}
        found.append(Coming(change.effective_at, text))
    found += [each for row in spells for each in (*_calculations(row), *_month(row))]
    return found + (_dunning(customer_id, at) if owes else [])


def _dunning(customer_id: int, at: datetime) -> list[Coming]:
    """Messages and the plan's consequence. When a card is tried again the invoices tell."""
    named = consequences_of([customer_id])
    steps = dunning_of({customer_id: at}, named)[customer_id].steps
    words = written(named[customer_id].sentence) if named else ""
    return [Coming(step.at, _step(step, words)) for step in steps if step.kind != "try"]


def _month(row: Subscription) -> list[Coming]:
    """The end of a month of which credits are stated."""
    watch: UsageWatch | None = getattr(row, "watch", None)
    if watch is None or row.plan.settlement_mode != SettlementMode.CREDIT_ONLY:
        return []
    watch.subscription = row
    month = next_month(watch)
    return [Coming(midnight(month.end), _("The month ends: credits are stated."))] if month else []


def _calculations(row: Subscription) -> list[Coming]:
    found = []
    if row.calculate_at and row.next_billing_on and row.ends_at is None:
        text = _("Charges are calculated for %(day)s.") % {"day": formats.day(row.next_billing_on)}
        found.append(Coming(row.calculate_at + settings.CALCULATION_GRACE, text))
    if row.follow_up_at:
        words = _("Usage that came late to the plan before is looked for.")
        found.append(Coming(row.follow_up_at + settings.CALCULATION_GRACE, words))
    return found


def _step(step: Step, consequence: str) -> str:
    if step.kind == "reminder":
        return _("A reminder of what is unpaid is sent.")
    if step.kind == "final":
        return _("The last notice is sent, which says what follows.")
    if not consequence:
        return _("What the last notice says.")
    return _("At the earliest, if it stays unpaid: %(consequence)s.") % {"consequence": consequence}
