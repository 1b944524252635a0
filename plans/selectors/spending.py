"""What a customer has spent in the running usage window: the same figures that «Billing and Usage» shows."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q

from accounts.models import Customer
from core.due import Due, only
from core.periods import Window
from invoices.selectors import totals_of
from plans.models import Budget, Subscription
from plans.selectors.projecting import Projection, projection
from plans.selectors.upcoming import UpcomingInvoice, running, upcoming_invoice
from plans.selectors.used import UsageRow, UsageToDate, usage_to_date
from usage.selectors import hours_since

LOOK_EVERY = timedelta(minutes=15)
LOOK_AT_LEAST = timedelta(days=1)  # the projection and the window change without usage, too


@dataclass(frozen=True, slots=True)
class Spending:
    """The running usage window in money, minor units. `projected`: what it will come to; None where that is not known.

    `so_far` is what the next invoice comes to so far, with fees, tax and credits; while an announced invoice waits for
    its billing date, the usage since then with tax; on a credits-only plan the credits used.
    `budget` is the customer's, in this currency; None: none.
    """

    window: Window
    currency: str
    so_far: int
    projected: int | None
    billing_on: date | None
    rows: tuple[UsageRow, ...]
    in_credits: bool
    budget: int | None
    received_at: datetime | None
    as_of: datetime


def spending(customer: Customer, at: datetime, subscription: Subscription | None = None) -> Spending:
    """Read anew; `subscription`: the open one, where somebody has read it. Raises NoSubscriptionError."""
    now = running(customer, at, subscription)
    upcoming = upcoming_invoice(now)
    return spending_of(upcoming, usage_to_date(now), projection(now, upcoming))


def spending_of(upcoming: UpcomingInvoice, usage: UsageToDate, projected: Projection | None) -> Spending:
    """The same out of what somebody has read."""
    spell: Any = upcoming.subscription  # read with the budget beside it
    in_credits = spell.plan.terms().is_credit_only
    return Spending(
        window=usage.window,
        currency=upcoming.currency,
        so_far=usage.amount if in_credits else _so_far(upcoming),
        projected=projected.total if projected else None,
        billing_on=None if in_credits or upcoming.draft else upcoming.billing_on,
        rows=usage.rows,
        in_credits=in_credits,
        budget=spell.budget,
        received_at=usage.received_at,
        as_of=usage.as_of,
    )


def _so_far(upcoming: UpcomingInvoice) -> int:
    if upcoming.draft:
        return totals_of(upcoming.next_counting, upcoming.rule).total
    return upcoming.amount_due if upcoming.has_document else 0


def budget_of(customer_id: int) -> Budget | None:
    """What the customer asked to be told; None where they never did."""
    return Budget.objects.filter(customer_id=customer_id).first()


def due_to_tell(at: datetime, customer_id: int | None = None) -> list[Due]:
    """Budgets to be compared with usage now: new ones, those that usage reached since the last look, and all others
    once a day; customers with a clock of their own always. Nobody parked. Two queries."""
    rows = Budget.objects.in_force().filter(customer__parked_at__isnull=True, **only(customer_id))
    surely = rows.filter(
        Q(looked_at__isnull=True) | Q(looked_at__lte=at - LOOK_AT_LEAST) | Q(customer__clock_at__isnull=False)
    )
    perhaps = rows.filter(looked_at__gt=at - LOOK_AT_LEAST, looked_at__lte=at - LOOK_EVERY)
    looked = dict(perhaps.values_list("customer_id", "looked_at"))
    used = rows.filter(customer_id__in=list(hours_since(looked))) if looked else rows.none()
    return [Due(*row, at) for row in (surely | used).order_by("pk").values_list("pk", "customer_id")]
