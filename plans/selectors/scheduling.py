"""What staff see before they put a customer on another plan, and what has been decided so far."""

from dataclasses import dataclass
from datetime import date, datetime

from invoices.lines import LineDraft
from invoices.totals import Totals
from plans import cycle
from plans.charges import SpellFacts, compose_charges
from plans.models import Plan, ScheduledChange, ScheduleStatus, Subscription
from plans.quotes import check_currency
from plans.scheduling import When, check_plan, effective_instant
from plans.selectors.closing import Closing, closing
from plans.spells import keep_number, next_anchor, open_subscription


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """A change that staff are about to decide. `owed` is billed when it begins; with `is_estimate` usage until then
    is still to come. `first_lines`: the fees of the new plan's first regular invoice, on `first_billing_on` (None: a
    plan that never bills)."""

    current: Subscription
    plan: Plan
    effective_at: datetime
    is_estimate: bool
    owed: Closing
    first_billing_on: date | None
    first_lines: tuple[LineDraft, ...]

    @property
    def totals(self) -> Totals:
        return self.owed.totals

    @property
    def to_credits(self) -> int:
        """What goes to credit alone and onto no invoice, minor units."""
        return sum(line.amount for line in self.owed.lines if line.settlement == "credit_only")

    @property
    def first_subtotal(self) -> int:
        """Fees of the first regular invoice before tax, minor units."""
        return sum(line.amount for line in self.first_lines)


def preview_change(*, customer_id: int, plan: Plan, when: When, at: datetime) -> ChangePreview:
    """What `schedule_change` would do, by the same rules and the same composition; nothing is written.

    Raises what that verb raises: PlanNotFoundError, AlreadySubscribedError, CurrencyMismatchError,
    ChangeTooEarlyError, NoSubscriptionError.
    """
    current = open_subscription(customer_id)
    check_plan(plan, current)
    check_currency(current.customer, current, plan)
    effective_at = effective_instant(current, when, at)
    opens_id = keep_number()
    billing_on, lines = _first_invoice(current, plan, effective_at, opens_id)
    return ChangePreview(
        current=current,
        plan=plan,
        effective_at=effective_at,
        is_estimate=effective_at > at,
        owed=closing(current, effective_at, to=plan, opens_id=opens_id, now=max(at, effective_at)),
        first_billing_on=billing_on,
        first_lines=lines,
    )


def _first_invoice(
    current: Subscription, plan: Plan, starts_at: datetime, opens_id: int
) -> tuple[date | None, tuple[LineDraft, ...]]:
    terms = plan.terms()
    if not terms.is_priced:
        return None, ()
    anchor_on = next_anchor(current, plan, starts_at)
    spell = cycle.Spell(anchor_on, starts_at, cycle.first_billing_date(anchor_on, starts_at))
    fees = cycle.monthly_slice(spell).fees
    facts = SpellFacts(opens_id, current.customer_id, terms, fees=fees)
    return spell.next_billing_on, compose_charges(facts)


def subscriptions_of(customer_id: int) -> list[Subscription]:
    """Every spell of a customer with its plan, the running one first."""
    return list(
        Subscription.objects.filter(customer_id=customer_id).select_related("plan").order_by("-starts_at", "-pk")
    )


def scheduled_change(customer_id: int) -> ScheduledChange | None:
    """What staff have decided and what waits for its instant; at most one."""
    rows = ScheduledChange.objects.filter(customer_id=customer_id, status=ScheduleStatus.SCHEDULED)
    return rows.select_related("plan", "created_by").first()


def change_by_key(customer_id: int, key: str) -> ScheduledChange | None:
    """What a form with this key has decided for the customer."""
    rows = ScheduledChange.objects.filter(customer_id=customer_id, key=key)
    return rows.select_related("plan", "created_by").first()


def change_of(customer_id: int, change_id: int) -> ScheduledChange | None:
    """A customer's own change, whatever has become of it."""
    rows = ScheduledChange.objects.filter(customer_id=customer_id, pk=change_id)
    return rows.select_related("plan", "created_by", "migration").first()
