"""What a customer's last thirty days would have cost on a plan: the bill's own composition over what was used."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from accounts.models import Customer, PaymentPolicy
from core.periods import Period, Window, utc_day
from invoices.lines import LineDraft
from plans.charges import FeeFacts, SpellFacts, UsageFacts, compose_charges
from plans.models import Plan, Subscription, with_terms_read
from plans.selectors.catalogue import catalogue, current_subscription
from usage.selectors import Span, quantities

logger = logging.getLogger(__name__)

LENGTH = timedelta(days=30)
PREVIEW = NOBODY = 0  # the numbers of a spell that nobody has, and of nobody


@dataclass(frozen=True, slots=True)
class Used:
    """Quantities of a customer in a window, by feature."""

    customer_id: int
    window: Window
    quantities: dict[int, Decimal]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One whole month of fees and the usage of `window`, before tax and credits; amounts in minor units.

    `left_out`: (name, quantity) of what was used and the plan does not have, while one that it is compared with does.
    """

    plan: Plan
    window: Window
    currency: str
    lines: tuple[LineDraft, ...]
    left_out: tuple[tuple[str, Decimal], ...] = ()

    @property
    def left_out_names(self) -> str:
        return ", ".join(name for name, _quantity in self.left_out)

    @property
    def amount(self) -> int:
        return sum(line.amount for line in self.lines)

    @property
    def has_usage(self) -> bool:
        """Whether anything that the plan counts was used."""
        return any(line.quantity for line in self.lines if line.kind == "usage")


@dataclass(frozen=True, slots=True)
class Compared:
    """A plan beside the one that the customer is on: the same usage on both. `own` None: on that there is no price."""

    estimate: Estimate
    own: Estimate | None
    current: Subscription

    @property
    def is_current(self) -> bool:
        return self.estimate.plan.pk == self.current.plan.pk

    @property
    def difference(self) -> int | None:
        """How much more the plan would have cost; None where nothing is to be compared, or in another currency."""
        if self.own is None or self.is_current or self.own.currency != self.estimate.currency:
            return None
        return self.estimate.amount - self.own.amount

    @property
    def saving(self) -> int:
        """How much less it would have cost, where it would."""
        return max(-(self.difference or 0), 0)


def used_lately(
    customer_id: int, plans: Iterable[Plan], at: datetime, read: Mapping[Span, Decimal] | None = None
) -> Used:
    """In the thirty days before `at`, of all that any of the plans (loaded `with_cards`) counts. One query, none where
    somebody has read what `lately` names."""
    spans = lately(customer_id, plans, at)
    known = quantities(spans) if read is None else read
    return Used(customer_id, Window(at - LENGTH, at), {span.feature_id: known[span] for span in spans})


def lately(customer_id: int, plans: Iterable[Plan], at: datetime) -> list[Span]:
    """What usage is asked for that, one span of each feature."""
    counted = {card.feature_id or 0 for plan in plans for card in plan.terms().metered}
    return [Span(customer_id, feature, at - LENGTH, at) for feature in sorted(counted)]


def estimates(plans: Sequence[Plan], current: Subscription, at: datetime) -> dict[str, Estimate | None]:
    """By key, of plans that have prices: the figures that `compared` has. None where one can't be told, which does not
    take the others'. One query.
    """
    own = _priced_plan(current)
    used = used_lately(current.customer_id, [*plans, *own], at)
    return {plan.key: _or_none(plan, used, *own) for plan in plans}


def compared(customer: Customer, key: str, at: datetime) -> Compared | None:
    """The plan of that key – of their own plan the version that they are on – beside their own. None for a plan that
    they can't see, or whose prices are agreed with each customer; and for who is on no plan.
    """
    current = current_subscription(customer.pk)
    if current is None:
        return None
    shown = {plan.key: plan for plan in catalogue(customer.pk)} | {current.plan.key: current.plan}
    plan = shown.get(key)
    if plan is None or not has_prices(plan):
        return None
    own = _priced_plan(current)
    used = used_lately(customer.pk, [plan, *own], at)
    beside = [estimate(one, used) for one in own]
    return Compared(estimate(plan, used, *own), beside[0] if beside else None, current)


def estimate_or_none(
    customer_id: int, plan: Plan, at: datetime, read: Mapping[Span, Decimal] | None = None
) -> Estimate | None:
    """The same of one plan; None where nothing that it counts was used, and where it fails: a page that is about
    something else goes on without it. `read`: as `used_lately`."""
    try:
        found = estimate(plan, used_lately(customer_id, [plan], at, read))
    except Exception:
        logger.exception("What plan %s would have cost could not be worked out", plan.key)
        return None
    return found if found.has_usage else None


def unused_month(plan: Plan, at: datetime) -> Estimate:
    """What a month costs in which nothing is used: fees, minimums, and what a first tier charges at 0. No query."""
    return estimate(plan, Used(NOBODY, Window(at - LENGTH, at), {}))


def next_plan(customer_id: int) -> Plan | None:
    """The first plan with prices that a customer on the default plan can choose. One query."""
    offered = with_terms_read(Plan.objects.published().open_to(customer_id).filter(self_serve=True))
    return next((plan for plan in offered if plan.terms().is_priced), None)


def has_prices(plan: Plan) -> bool:
    """Whether its prices are known without asking: a contract's are its own customer's."""
    return plan.payment_policy != PaymentPolicy.MANAGED_BY_CONTRACT or plan.customer_id is not None


def _priced_plan(current: Subscription) -> list[Plan]:
    """The plan that the customer is on; none where nobody knows its prices."""
    return [current.plan] if has_prices(current.plan) else []


def _or_none(plan: Plan, used: Used, *beside: Plan) -> Estimate | None:
    try:
        return estimate(plan, used, *beside)
    except Exception:
        logger.exception("What plan %s would have cost could not be worked out", plan.key)
        return None


def estimate(plan: Plan, used: Used, *beside: Plan) -> Estimate:
    """`beside`: the plans that it is compared with."""
    has = plan.terms().feature_ids
    end = utc_day(used.window.end)
    month = Period(end - LENGTH, end)
    facts = SpellFacts(
        subscription_id=PREVIEW,
        customer_id=used.customer_id,
        terms=plan.terms(),
        fees=(FeeFacts(month, month, "in_arrears"), FeeFacts(month, month, "in_advance")),
        usage=(UsageFacts(used.window, used.window, used.quantities),),
    )
    names = {card.feature_id or 0: card.name for one in beside for card in one.terms().metered}
    left_out = tuple(
        (name, used.quantities[feature])
        for feature, name in names.items()
        if feature not in has and used.quantities[feature]
    )
    return Estimate(plan, used.window, plan.currency, compose_charges(facts), left_out)
