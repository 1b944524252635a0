"""Who is on which plan, and what of their usage has been rated. Part of `plans.models`."""

from datetime import date, datetime, timedelta
from typing import NamedTuple, Self

from django.db import connection, models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL

from accounts.models import PaymentMethod
from accounts.selectors import present_in_sql
from core.questions import Given, built_once
from credits.selectors import had_credit
from credits.waiting import waiting_of
from invoices.selectors import pending_of
from plans.models_budgets import Budget
from plans.models_catalogue import Plan, RateCard, SettlementMode, cards_in_order
from plans.models_changes import ChangeQuote, ScheduledChange, ScheduleStatus
from plans.models_overdue import CarriedOutConsequence


class Calendar(NamedTuple):
    """Where a subscription stands: usage and fees before this are calculated. Billing date None: never billed."""

    window_starts_at: datetime
    next_billing_on: date | None
    calculate_at: datetime | None


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def open(self) -> Self:
        return self.filter(ends_at__isnull=True)

    def with_terms(self) -> Self:
        """Three queries in all, however many rows: with customer, plans, cards with features.

        Plans are not joined, so that all rows share one plan in memory and its terms are read once.
        """
        return self.select_related("customer").prefetch_related(models.Prefetch("plan", Plan.objects.with_cards()))

    def with_plan(self) -> Self:
        """For one row: customer, billing profile, plan and `watch` with one query, its cards with another; whether a
        first payment has no outcome yet (`has_start_pending`); when usage of the customer that is invoiced was rated
        last (`invoiced_usage_at`)."""
        pending = ChangeQuote.objects.starts_to_settle().filter(customer=models.OuterRef("customer"))
        rated = Subscription.objects.filter(customer=models.OuterRef("customer"), rated_usage__isnull=False)
        invoiced = rated.exclude(plan__settlement_mode=SettlementMode.CREDIT_ONLY).order_by("-rated_usage__rated_at")
        rows = self.select_related("customer__billing_profile", "plan", "watch")
        return rows.prefetch_related(cards_in_order("plan__rate_cards")).annotate(
            has_start_pending=models.Exists(pending),
            invoiced_usage_at=models.Subquery(invoiced.values("rated_usage__rated_at")[:1]),
        )

    def as_ending(self) -> Self:
        """`with_plan`, and what its closing depends on: whether charges to credit wait for their day
        (`has_waiting_charges`) or lines for a document, drafts discarded (`has_pending_lines`); whether the customer
        ever had credit (`had_credit`)."""
        customer = models.OuterRef("customer")
        return self.with_plan().annotate(
            has_waiting_charges=models.Exists(waiting_of(customer)),
            has_pending_lines=models.Exists(pending_of(customer, discarding=True)),
            had_credit=had_credit(customer),
        )

    def as_shown(self) -> Self:
        """`with_plan`, and what pages say besides: whether access is on hold (`is_held`); the plan that staff have
        scheduled, as `coming_plan`, `coming_version` and `coming_at`; the customer's `budget` in its currency; whether
        lines wait for the next document (`has_pending_lines`); the anchor of the last paid plan and when late usage of
        it is looked for (`followed_anchor`, `followed_at`); the customer's `default_card`."""
        coming = ScheduledChange.objects.filter(
            customer=models.OuterRef("customer"), status=ScheduleStatus.SCHEDULED
        ).order_by("pk")
        budget = Budget.objects.filter(customer=models.OuterRef("customer"), currency=models.OuterRef("plan__currency"))
        followed = Subscription.objects.filter(customer=models.OuterRef("customer"), follow_up_at__isnull=False)
        # None but a live card is ever the default, and no more than one of a customer.
        card = models.FilteredRelation(
            "customer__payment_methods", condition=Q(customer__payment_methods__is_default=True)
        )
        rows = self.with_plan().annotate(default_card=card).select_related("default_card")
        return rows.annotate(
            is_held=models.Exists(_hold()),
            coming_plan=models.Subquery(coming.values("plan__name")[:1]),
            coming_version=models.Subquery(coming.values("plan__version")[:1]),
            coming_at=models.Subquery(coming.values("effective_at")[:1]),
            budget=models.Subquery(budget.values("amount")),
            has_pending_lines=models.Exists(pending_of(models.OuterRef("customer"))),
            followed_anchor=models.Subquery(followed.order_by("pk").values("anchor_on")[:1]),
            followed_at=models.Subquery(followed.order_by("pk").values("follow_up_at")[:1]),
        )

    def in_short(self) -> Self:
        """For one row: the plan alone, its cards not read, and whether access is on hold (`is_held`)."""
        return self.select_related("plan").annotate(is_held=models.Exists(_hold()))

    def keeping_number(self) -> Self:
        """With a number for a spell that may begin after, as `next_id`: its first lines have their keys before it."""
        number = "nextval(pg_get_serial_sequence('plans_subscription', 'id'))"
        return self.annotate(next_id=RawSQL(number, [], models.BigIntegerField()))  # noqa: S611 - a constant

    def due(self, at: datetime | Given, grace: timedelta | Given) -> Self:
        """Whose next calculation, and a short grace, has passed on the customer's own clock; nobody parked, and nobody
        whose plan changes before, by a change that is scheduled and not carried out yet."""
        present = present_in_sql(at)
        ends_before = ScheduledChange.objects.filter(
            customer=models.OuterRef("customer"),
            status=ScheduleStatus.SCHEDULED,
            effective_at__lte=models.OuterRef("calculate_at"),
        )
        due = self.open().filter(calculate_at__lte=present - grace, customer__parked_at__isnull=True)
        return due.exclude(models.Exists(ends_before))

    def to_follow_up(self, at: datetime | Given, grace: timedelta | Given) -> Self:
        """Ended ones whose late usage is looked for now, with the same grace and clocks; nobody parked."""
        present = present_in_sql(at)
        return self.filter(follow_up_at__lte=present - grace, customer__parked_at__isnull=True)

    def move(self, calendars: "dict[int, Calendar]") -> None:
        """Write many calendars in one statement."""
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE plans_subscription AS subscription
                   SET window_starts_at = moved.window_starts_at,
                       next_billing_on = moved.next_billing_on,
                       calculate_at = moved.calculate_at
                  FROM unnest(%s::bigint[], %s::timestamptz[], %s::date[], %s::timestamptz[])
                       AS moved (id, window_starts_at, next_billing_on, calculate_at)
                 WHERE subscription.id = moved.id
                """,
                [
                    list(calendars),
                    [calendar.window_starts_at for calendar in calendars.values()],
                    [calendar.next_billing_on for calendar in calendars.values()],
                    [calendar.calculate_at for calendar in calendars.values()],
                ],
            )

    def follow_up(self, instants: "dict[int, datetime]") -> None:
        """Write when late usage of many is looked for next, in one statement."""
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE plans_subscription AS subscription SET follow_up_at = moved.follow_up_at
                  FROM unnest(%s::bigint[], %s::timestamptz[]) AS moved (id, follow_up_at)
                 WHERE subscription.id = moved.id
                """,
                [list(instants), list(instants.values())],
            )


class Subscription(models.Model):
    """One spell of one customer on one plan version. Exactly one is open per customer."""

    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    anchor_on = models.DateField(help_text="Billing dates count from here; kept from paid plan to paid plan")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Set once, when another spell begins")
    window_starts_at = models.DateTimeField(
        help_text="Usage before this is billed. Moves forward with each calculation, back when a draft is discarded."
    )
    next_billing_on = models.DateField(
        null=True, blank=True, help_text="The billing date whose charges are not yet calculated; null: never billed."
    )
    calculate_at = models.DateTimeField(
        null=True, blank=True, help_text="Three days before next_billing_on; null: nothing to calculate."
    )
    follow_up_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Ended, and no paid plan came after: when late usage is looked for next, by the anchor's calendar.",
    )

    objects = SubscriptionQuerySet.as_manager()
    has_start_pending: bool
    has_waiting_charges: bool
    has_pending_lines: bool
    followed_anchor: date | None
    followed_at: datetime | None
    had_credit: bool
    invoiced_usage_at: datetime | None
    is_held: bool
    default_card: PaymentMethod | None = None  # also where nobody has read it
    next_id: int

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("customer",), condition=Q(ends_at__isnull=True), name="one_open_subscription"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")), name="subscription_ordered"
            ),
            models.CheckConstraint(
                condition=Q(calculate_at__isnull=True, next_billing_on__isnull=True)
                | Q(calculate_at__isnull=False, next_billing_on__isnull=False),
                name="subscription_calendar_whole",
            ),
        )
        indexes = (
            models.Index(fields=("calculate_at",), condition=Q(ends_at__isnull=True), name="subscription_due"),
            models.Index(
                fields=("follow_up_at",), condition=Q(follow_up_at__isnull=False), name="subscription_follow_up"
            ),
            models.Index(fields=("plan",), condition=Q(ends_at__isnull=True), name="subscription_open_of_plan"),
        )

    def __str__(self) -> str:
        return f"{self.customer} on {self.plan}"


class RatedUsage(models.Model):
    """Watermark: what of a usage window has been rated and billed. The next rating posts only the difference.

    One row per posting, `quantity` and `amount` of the whole window as of then: the row with the highest number is
    the watermark, and deleting the rows of a discarded draft takes it back to where it stood before. On a credits-only
    plan a window has one row, moved hour by hour; nothing takes it back.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="rated_usage", db_index=False)
    rate_card = models.ForeignKey(RateCard, on_delete=models.PROTECT, related_name="+")
    window_starts_at = models.DateTimeField()
    window_ends_at = models.DateTimeField()
    planned_ends_at = models.DateTimeField(help_text="Where the window would have ended; later where it was cut")
    number = models.PositiveIntegerField(default=0, help_text="0: the window's own line; then its late ones, counted")
    quantity = models.DecimalField(max_digits=38, decimal_places=12)
    amount = models.BigIntegerField()
    invoice_key = models.CharField(max_length=120, help_text="The invoice that billed it; a discarded draft rewinds it")
    rated_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("subscription", "rate_card", "window_starts_at", "number"), name="rated_usage_once"
            ),
        )
        indexes = (models.Index(fields=("subscription", "-rated_at"), name="rated_usage_last"),)

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.rate_card_id} {self.window_starts_at:%Y-%m-%d}"


@built_once
def open_as_ending() -> SubscriptionQuerySet:
    """Open spells `as_ending`, their cards not read."""
    return Subscription.objects.open().as_ending().prefetch_related(None)


@built_once
def open_in_short() -> SubscriptionQuerySet:
    """Open spells `in_short`."""
    return Subscription.objects.open().in_short()


def open_as_shown() -> SubscriptionQuerySet:
    """Open spells `as_shown`, with their cards."""
    return _open_as_shown().prefetch_related(cards_in_order("plan__rate_cards"))


@built_once
def _open_as_shown() -> SubscriptionQuerySet:
    return Subscription.objects.open().as_shown().prefetch_related(None)


def _hold() -> models.QuerySet[CarriedOutConsequence]:
    return CarriedOutConsequence.objects.holds().filter(customer=models.OuterRef("customer"))
