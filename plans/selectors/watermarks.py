"""What has been rated and billed of usage windows, and which of them usage has reached since.

Every calculation looks at all windows of its customer, so the last rating of any of them is the last look: hours that
were touched later are asked of usage, and only the windows around those hours are read (docs/algorithms/late-usage.md).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models.expressions import RawSQL

from core.periods import Window
from plans.models import RatedUsage, Subscription
from usage.selectors import Looked, Span, touched_hours

Rated = tuple[int, int, datetime]  # spell, rate card, start of the window

FIELDS = (
    "subscription_id",
    "subscription__customer_id",
    "rate_card_id",
    "rate_card__feature_id",
    "window_starts_at",
    "window_ends_at",
    "planned_ends_at",
    "number",
    "quantity",
    "amount",
    "subscription__plan_id",
)

LAST_LOOKS = """
SELECT spell.customer_id, NULL, NULL, NULL, NULL, NULL, max(last.rated_at), bool_or(customer.clock_at IS NOT NULL)
FROM plans_subscription AS spell
JOIN accounts_customer AS customer ON customer.id = spell.customer_id
JOIN plans_plan AS plan ON plan.id = spell.plan_id AND plan.settlement_mode <> 'credit_only'
CROSS JOIN LATERAL (
    SELECT rated_at FROM plans_ratedusage
    WHERE subscription_id = spell.id AND NOT invoice_key = ANY (%s::text[])
    ORDER BY rated_at DESC LIMIT 1
) AS last
WHERE spell.customer_id = ANY (%s::bigint[])
GROUP BY spell.customer_id
"""

RATED_WINDOWS = """
SELECT NULL, rated.subscription_id, rated.rate_card_id, rated.window_starts_at, rated.quantity, rated.amount, NULL, NULL
FROM unnest(%s::bigint[], %s::timestamptz[]) AS asked (subscription_id, starts_at)
JOIN LATERAL (
    SELECT DISTINCT ON (rate_card_id) * FROM plans_ratedusage
    WHERE subscription_id = asked.subscription_id AND window_starts_at = asked.starts_at
        AND NOT invoice_key = ANY (%s::text[])
    ORDER BY rate_card_id, number DESC
) AS rated ON true
"""

# The marks around hours, of customers, and of windows. Usage of credits-only plans that came late is looked for in
# plans.selectors.settlement.
AROUND_HOURS = """
SELECT rated.id
FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS touched (customer_id, feature_id, hour)
JOIN plans_subscription AS spell ON spell.customer_id = touched.customer_id
JOIN plans_plan AS plan ON plan.id = spell.plan_id AND plan.settlement_mode <> 'credit_only'
JOIN plans_ratecard AS card ON card.plan_id = spell.plan_id AND card.feature_id = touched.feature_id
JOIN plans_ratedusage AS rated ON rated.subscription_id = spell.id AND rated.rate_card_id = card.id
    AND rated.window_starts_at < touched.hour + interval '1 hour' AND rated.window_ends_at > touched.hour
"""
OF_CUSTOMERS = """
SELECT rated.id
FROM plans_subscription AS spell
JOIN plans_plan AS plan ON plan.id = spell.plan_id AND plan.settlement_mode <> 'credit_only'
JOIN plans_ratedusage AS rated ON rated.subscription_id = spell.id
WHERE spell.customer_id = ANY (%s::bigint[])
"""
OF_WINDOWS = """
SELECT rated.id
FROM unnest(%s::bigint[], %s::timestamptz[]) AS asked (subscription_id, starts_at)
JOIN plans_ratedusage AS rated ON rated.subscription_id = asked.subscription_id
    AND rated.window_starts_at = asked.starts_at
"""


@dataclass(frozen=True, slots=True)
class Watermark:
    """Where one price over one window stands: of `number` postings the last. `amount` of the whole, minor units."""

    subscription_id: int
    customer_id: int
    plan_id: int
    card_id: int
    feature_id: int
    window: Window
    planned: Window
    number: int
    quantity: Decimal
    amount: int

    @property
    def span(self) -> Span:
        """What usage has to be asked to rate the window again."""
        return Span(self.customer_id, self.feature_id, self.window.start, self.window.end)

    @property
    def rated(self) -> Rated:
        return self.subscription_id, self.card_id, self.window.start


@dataclass(frozen=True, slots=True)
class Known:
    """What is billed of the windows asked for, (quantity, amount) of each price, and when each customer was looked at
    last; customers without a look are absent. `own_clocks`: those of them with a clock of their own."""

    rated: Mapping[Rated, tuple[Decimal, int]]
    looked_at: Mapping[int, datetime]
    own_clocks: Collection[int]


def known_windows(
    windows: Collection[tuple[int, datetime]], customer_ids: Collection[int], discarding: Collection[str]
) -> Known:
    """Of windows (spell, start), and of customers. What these invoice keys billed counts as not billed. One query."""
    rated: dict[Rated, tuple[Decimal, int]] = {}
    looked_at: dict[int, datetime] = {}
    own_clocks: set[int] = set()
    keys, spells, starts = list(discarding), [spell for spell, _ in windows], [start for _, start in windows]
    with connection.cursor() as cursor:
        cursor.execute(f"{LAST_LOOKS} UNION ALL {RATED_WINDOWS}", [keys, list(customer_ids), spells, starts, keys])
        for customer, spell, card, start, quantity, amount, at, has_own_clock in cursor:
            if customer is None:
                rated[spell, card, start] = quantity, amount
                continue
            looked_at[customer] = at
            if has_own_clock:
                own_clocks.add(customer)
    return Known(rated, looked_at, own_clocks)


def looked_at(subscription: Subscription) -> Known:
    """The same for no window, of the customer of a spell that was loaded `with_plan`; no query."""
    customer, at = subscription.customer, subscription.invoiced_usage_at
    if at is None:
        return Known({}, {}, ())
    return Known({}, {customer.pk: at}, {customer.pk} if customer.clock_at else ())


def touched_customers(ended: Sequence[Subscription]) -> set[int]:
    """Of customers whose last paid spell this is: those whose usage of it, or of one before, may have changed since
    they were looked at. Two queries."""
    known = known_windows([], {spell.customer_id for spell in ended}, ())
    until = {spell.customer_id: spell.window_starts_at for spell in ended}
    looks = {customer: Looked(at, until[customer]) for customer, at in known.looked_at.items()}
    hours = touched_hours({customer: look for customer, look in looks.items() if customer not in known.own_clocks})
    return {customer for customer, _feature, _hour in hours} | set(known.own_clocks)


def touched_windows(
    looks: Mapping[int, Looked],
    own_clocks: Collection[int],
    discarding: Collection[str],
    beside: Collection[tuple[int, datetime]] = (),
) -> list[Watermark]:
    """Those whose usage may have changed since the customer was looked at, and the windows `beside` (spell, start), in
    the order of time.

    A customer's own clock says nothing about when usage reached us: there every window counts as touched. One query
    where somebody without was looked at, and one for the windows, if there are any.
    """
    hours = touched_hours({customer: look for customer, look in looks.items() if customer not in own_clocks})
    asked = ((AROUND_HOURS, hours), (OF_CUSTOMERS, [(customer,) for customer in own_clocks]), (OF_WINDOWS, beside))
    return _marks([(sql, rows) for sql, rows in asked if rows], discarding)


def _marks(asked: Sequence[tuple[str, Collection[tuple[Any, ...]]]], discarding: Collection[str]) -> list[Watermark]:
    """Those that any of these questions names; each comes with the rows that it unnests."""
    if not asked:
        return []
    columns = [list(column) for _, rows in asked for column in zip(*rows, strict=True)]
    named = RawSQL(" UNION ALL ".join(sql for sql, _ in asked), columns)  # noqa: S611 - joined from constants
    marks = RatedUsage.objects.filter(pk__in=named).exclude(invoice_key__in=discarding)
    found: dict[Rated, Watermark] = {}
    for row in marks.order_by("window_starts_at", "rate_card_id", "number").values_list(*FIELDS):
        spell, customer, card, feature, start, end, planned_end, number, quantity, amount, plan = row
        window, planned = Window(start, end), Window(start, planned_end)
        found[spell, card, start] = Watermark(
            spell, customer, plan, card, feature or 0, window, planned, number, quantity, amount
        )
    return list(found.values())
