"""Changes of plan: what was quoted to a person, and what staff have scheduled. Part of `plans.models`."""

from datetime import datetime
from functools import partial
from typing import Self

from django.db import models
from django.db.models import F, Q, Value
from django.utils.translation import gettext_lazy as _

from core.ids import public_id


class QuoteKind(models.TextChoices):
    SUBSCRIBE = "subscribe", _("subscribe")
    CHANGE = "change", _("change")
    CANCEL = "cancel", _("cancel")


class LeavingReason(models.TextChoices):
    """Why somebody has cancelled, in the words of the form that asks them."""

    TOO_EXPENSIVE = "too_expensive", _("It costs too much")
    UNUSED = "unused", _("We do not use it enough")
    MISSING_FEATURES = "missing_features", _("Something we need is missing")
    TOO_COMPLEX = "too_complex", _("It is too hard to use")
    LOW_QUALITY = "low_quality", _("It did not work well enough")
    CUSTOMER_SERVICE = "customer_service", _("Support did not help us")
    SWITCHED_SERVICE = "switched_service", _("We use another service now")
    OTHER = "other", _("Something else")


class ChangeQuoteQuerySet(models.QuerySet["ChangeQuote"]):
    def starts_to_settle(self) -> Self:
        """Whose first invoice is issued while the plan has not begun: its payment may have an outcome by now."""
        return self.filter(
            kind=QuoteKind.SUBSCRIBE, completed_at__isnull=True, given_up_at__isnull=True, invoice__isnull=False
        )


class ChangeQuote(models.Model):
    """What a confirm page showed, to the cent. The confirm carries it and is refused if anything moved."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "quo"), editable=False)
    kind = models.CharField(max_length=20, choices=QuoteKind)
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    subscription = models.ForeignKey(
        "plans.Subscription", on_delete=models.PROTECT, related_name="+", help_text="The spell it would end"
    )
    plan = models.ForeignKey(
        "plans.Plan", on_delete=models.PROTECT, related_name="+", help_text="The version it would open"
    )
    opens_id = models.BigIntegerField(
        null=True, help_text="Number kept for the spell it would open, so that its first lines have their keys already"
    )
    effective_at = models.DateTimeField(help_text="The instant of the change if confirmed")
    expires_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    lines = models.JSONField(default=list)
    discards = models.JSONField(
        default=list, help_text="Announced drafts that it takes the place of: key, billing date, total"
    )
    subtotal = models.BigIntegerField()
    tax_rules = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), help_text="The customer's rates, as on the invoice"
    )
    taxes = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), help_text="One row per rate, as on the invoice"
    )
    tax = models.BigIntegerField(help_text="Sum of the rows")
    total = models.BigIntegerField()
    credits = models.BigIntegerField(default=0, db_default=0, help_text="Taken off the lines of the invoice")
    credit_rows = models.JSONField(default=list, help_text="The same by grant: name, amount")
    to_credits = models.BigIntegerField(
        default=0, db_default=0, help_text="Charged to credit alone, on no invoice: lines of credits-only plans"
    )
    credit = models.BigIntegerField(
        default=0, db_default=0, help_text="What kept credit notes take off the total, minor units"
    )
    balance_after = models.BigIntegerField(
        null=True, help_text="Settled credit after a cancellation, minor units; null: credit has no part in it"
    )
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    accepted_at = models.DateTimeField(null=True, help_text="Confirmed by a person; may still wait for a card")
    completed_at = models.DateTimeField(null=True, help_text="Carried out; a repeat gives the same result")
    given_up_at = models.DateTimeField(
        null=True, help_text="Its invoice was issued, but the plan will not begin: declined, or another has begun"
    )
    opened = models.ForeignKey(
        "plans.Subscription",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The spell it has opened",
    )
    invoice = models.ForeignKey(
        "invoices.Invoice", null=True, on_delete=models.PROTECT, related_name="+", help_text="The closing invoice"
    )

    leaving_reason = models.CharField(
        max_length=20,
        choices=LeavingReason,
        blank=True,
        default="",
        db_default="",
        help_text="Of a cancellation, told afterwards by whoever wanted to",
    )
    leaving_words = models.TextField(blank=True, default="", db_default="", help_text="The same in their own words")
    reason_at = models.DateTimeField(null=True, help_text="When that was told; it is asked no more")

    objects = ChangeQuoteQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=QuoteKind.values), name="quote_kind_known"),
            models.CheckConstraint(
                condition=Q(leaving_reason__in=["", *LeavingReason.values]), name="quote_leaving_reason_known"
            ),
            models.CheckConstraint(
                condition=Q(reason_at__isnull=True, leaving_reason="", leaving_words="")
                | Q(reason_at__isnull=False, kind=QuoteKind.CANCEL, completed_at__isnull=False),
                name="quote_reason_of_a_cancellation",
            ),
            models.CheckConstraint(
                condition=Q(credit=0) | Q(credit__gt=0, credit__lte=F("total")), name="quote_credit_within_total"
            ),
            models.CheckConstraint(
                condition=Q(given_up_at__isnull=True) | Q(completed_at__isnull=True, invoice__isnull=False),
                name="quote_given_up_was_billed",
            ),
        )

    def __str__(self) -> str:
        return self.public_id

    @property
    def amount_due(self) -> int:
        """What is collected at once: the total less what kept credits take off it; nothing below zero."""
        return max(self.total - self.credit, 0)

    @property
    def amount_back(self) -> int:
        """What a document below zero gives back."""
        return max(-self.total, 0)

    @property
    def asks_why(self) -> bool:
        """Whether the person who has cancelled may still say why."""
        return self.kind == QuoteKind.CANCEL and self.completed_at is not None and self.reason_at is None

    def complete(self, at: datetime) -> None:
        """Note that it was carried out, with what it opened and billed."""
        self.completed_at = at
        self.accepted_at = self.accepted_at or at
        self.save(update_fields=["effective_at", "invoice", "opened", "completed_at", "accepted_at"])

    def give_up(self, at: datetime) -> None:
        """Note that its plan will not begin though its invoice was issued."""
        self.given_up_at = at
        self.save(update_fields=["given_up_at"])


class ScheduleStatus(models.TextChoices):
    SCHEDULED = "scheduled", _("scheduled")
    DONE = "done", _("done")
    SUPERSEDED = "superseded", _("superseded")  # the customer, or staff, have changed the plan otherwise before
    WITHDRAWN = "withdrawn", _("withdrawn")  # staff have taken it back before its instant


class MoveTime(models.TextChoices):
    NOW = "now", _("Immediately")
    PERIOD_END = "period_end", _("At the end of each billing period")
    AFTER_NOTICE = "after_notice", _("At the end of the billing period, at least 30 days ahead")


class SubscriptionMigration(models.Model):
    """A wish of staff: everybody who is on these versions of a plan moves to another one. The worker schedules a change
    for each of them, in batches; the run carries these out."""

    key = models.CharField(max_length=40, unique=True, help_text="Of the form that was sent: sending it twice is once")
    plan = models.ForeignKey(
        "plans.Plan", on_delete=models.PROTECT, related_name="migrations", help_text="The version they move to"
    )
    from_versions = models.JSONField(help_text="Numbers of the versions they move from")
    when = models.CharField(max_length=20, choices=MoveTime)
    expected = models.PositiveIntegerField(help_text="How many could move when it was decided")
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    scheduled_at = models.DateTimeField(
        null=True, help_text="When a change was scheduled for the last one; null: not yet"
    )

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(when__in=MoveTime.values), name="subscription_migration_when_known"),
        )
        indexes = (
            models.Index(
                fields=("created_at",), condition=Q(scheduled_at__isnull=True), name="subscription_migration_due"
            ),
        )

    def __str__(self) -> str:
        return f"{self.from_versions} to {self.plan_id} at {self.created_at:%Y-%m-%d %H:%M}"


class ScheduledChange(models.Model):
    """A change of plan that staff have decided; the run carries it out as of its instant, in the order of the bills."""

    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    plan = models.ForeignKey(
        "plans.Plan", on_delete=models.PROTECT, related_name="+", help_text="The version it will open"
    )
    effective_at = models.DateTimeField(help_text="The old plan ends and the new one begins at this instant")
    status = models.CharField(max_length=20, choices=ScheduleStatus, default=ScheduleStatus.SCHEDULED)
    reason = models.CharField(max_length=300)
    key = models.CharField(  # noqa: DJ001 - null, because a unique empty text could be there only once
        max_length=40, null=True, unique=True, help_text="Of the form that was sent: sending it twice is once"
    )
    migration = models.ForeignKey(
        SubscriptionMigration,
        null=True,
        on_delete=models.PROTECT,
        related_name="changes",
        help_text="Of which it is one; null: decided for this customer alone",
    )
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    settled_at = models.DateTimeField(null=True, help_text="When it was carried out, superseded or withdrawn")
    opened = models.ForeignKey(
        "plans.Subscription",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The spell it has opened",
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("customer",), condition=Q(status="scheduled"), name="one_scheduled_change"),
            models.CheckConstraint(condition=Q(status__in=ScheduleStatus.values), name="scheduled_change_status_known"),
            models.CheckConstraint(
                condition=Q(status="scheduled", settled_at__isnull=True)
                | (~Q(status="scheduled") & Q(settled_at__isnull=False)),
                name="scheduled_change_settled_at",
            ),
        )
        indexes = (
            models.Index(fields=("effective_at",), condition=Q(status="scheduled"), name="scheduled_change_due"),
        )

    def __str__(self) -> str:
        return f"{self.customer_id} to {self.plan_id} at {self.effective_at:%Y-%m-%d %H:%M}"

    def settle(self, status: ScheduleStatus, at: datetime) -> None:
        """It waits no longer."""
        self.status, self.settled_at = status, at
        self.save(update_fields=["status", "settled_at"])
