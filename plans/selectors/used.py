"""What was used so far in the running usage window, and what it costs."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from core.periods import Window
from plans.ago import updated
from plans.charges import RatedWindow, SpellFacts, usage_key
from plans.models import Subscription
from plans.selectors.upcoming import Running
from plans.words import unit_price
from usage.selectors import Freshness, freshness


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One metered price over the running window. `included` and `billable` units are exact; `is_charged`: whether any
    quantity costs something."""

    line_key: str
    feature_id: int
    feature_key: str
    name: str
    unit: str
    unit_plural: str
    quantity: Decimal
    included: Fraction
    billable: Fraction
    unit_price: str
    amount: int
    is_charged: bool


@dataclass(frozen=True, slots=True)
class UsageToDate:
    """The running usage window and what was used in it until `as_of`; also for plans that charge nothing."""

    subscription: Subscription
    currency: str
    window: Window
    billing_on: date | None
    rows: tuple[UsageRow, ...]
    fresh: Freshness
    as_of: datetime

    @property
    def received_at(self) -> datetime | None:
        """When usage last reached us; None: never."""
        return self.fresh.received_at

    @property
    def updated(self) -> str:
        """`Updated 14:03 UTC (2 minutes ago)`; empty where no usage ever came."""
        return updated(self.received_at, self.as_of) if self.received_at else ""

    @property
    def is_delayed(self) -> bool:
        """Whether usage that ordinarily comes has not come."""
        return self.fresh.is_delayed(self.as_of)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was used since the window began."""
        return not any(row.quantity for row in self.rows)

    @property
    def amount(self) -> int:
        """Usage charges so far, minor units."""
        return sum(row.amount for row in self.rows)


def usage_to_date(now: Running) -> UsageToDate:
    """What was used so far in the running usage window, and what it costs."""
    return UsageToDate(
        subscription=now.subscription,
        currency=now.subscription.plan.currency,
        window=now.facts.usage[0].planned,
        billing_on=now.subscription.next_billing_on,
        rows=tuple(_row(now.facts, rated) for rated in now.facts.rated_usage),
        fresh=freshness(now.subscription.customer_id, now.as_of),
        as_of=now.as_of,
    )


def _row(facts: SpellFacts, rated: RatedWindow) -> UsageRow:
    card = rated.card
    return UsageRow(
        line_key=usage_key(facts.subscription_id, card.key, rated.facts.cut),
        feature_id=card.feature_id or 0,
        feature_key=card.feature_key,
        name=card.name,
        unit=card.unit,
        unit_plural=card.unit_plural,
        quantity=rated.priced.quantity,
        included=rated.priced.included,
        billable=rated.priced.billable,
        unit_price=unit_price(card, facts.terms.currency),
        amount=rated.amount,
        is_charged=card.prices_usage,
    )
