"""What was used, when, by whom. Only this room writes these tables; nothing here knows about money."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Aggregation(models.TextChoices):
    COUNT = "count", _("count")
    SUM = "sum", _("sum")
    AVG = "avg", _("average")
    MIN = "min", _("minimum")
    MAX = "max", _("maximum")
    UNIQUE_COUNT = "unique_count", _("unique count")
    LATEST = "latest", _("latest")


class Meter(models.Model):
    """How events of one type become a quantity."""

    key = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=100)
    event_type = models.CharField(max_length=120, db_index=True, help_text="CloudEvents `type` it listens to")
    aggregation = models.CharField(max_length=20, choices=Aggregation)
    value_path = models.CharField(
        max_length=200, blank=True, help_text="JSON path in `data`, e.g. $.tokens; not for count"
    )
    dimensions = models.JSONField(default=dict, blank=True, help_text="name → JSON path in `data`")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(aggregation__in=Aggregation.values), name="meter_aggregation_known"),
            models.CheckConstraint(
                condition=Q(aggregation="count") | ~Q(value_path=""), name="meter_value_path_unless_count"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Feature(models.Model):
    """What can be priced: a meter with optional dimension filters, or static (no meter)."""

    key = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=100)
    unit = models.CharField(max_length=40, default="unit", help_text="Singular: request, token")
    unit_plural = models.CharField(max_length=40, default="units")
    meter = models.ForeignKey(Meter, null=True, blank=True, on_delete=models.PROTECT, related_name="features")
    filters = models.JSONField(default=dict, blank=True, help_text="dimension → list of values it may have")

    def __str__(self) -> str:
        return self.name


class UsageEvent(models.Model):
    """One CloudEvent as it was received. Identity is (customer, source, id); a repeat is ignored."""

    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.CharField(max_length=200)
    event_id = models.CharField(max_length=200)
    type = models.CharField(max_length=120)
    subject = models.CharField(max_length=200)
    time = models.DateTimeField(
        help_text="When it was used, to the microsecond; decides the window. A correction: that of the event it names."
    )
    data = models.JSONField(default=dict)
    corrects = models.CharField(max_length=200, blank=True, help_text="Event id it corrects (same customer and source)")
    received_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("customer", "source", "event_id"), name="usage_event_once"),)
        indexes = (
            models.Index(fields=("customer", "type", "time"), name="usage_event_by_time"),
            models.Index(
                fields=("customer", "source", "corrects"), condition=~Q(corrects=""), name="usage_event_by_corrected"
            ),
        )

    def __str__(self) -> str:
        return f"{self.source} {self.event_id}"


class UsageHour(models.Model):
    """Roll-up: what one customer used of one feature in one UTC hour. Kept in step with the events it sums."""

    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+", db_index=False)
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="+")
    hour = models.DateTimeField()
    quantity = models.DecimalField(
        max_digits=38, decimal_places=12, help_text="As the meter aggregates: sum, least, greatest or latest value"
    )
    events = models.PositiveIntegerField(help_text="That brought it; 0 where corrections took all of them back")
    latest_at = models.DateTimeField(null=True, help_text="When the latest value was; only of such meters")
    touched_at = models.DateTimeField(help_text="When an event last changed it; whoever settles hours looks here.")
    touches = models.PositiveIntegerField(
        default=1, db_default=1, help_text="How often it was written: tells exactly whether what was read is as it was"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("customer", "feature", "hour"), name="usage_hour_once", include=("quantity",)
            ),
        )
        # usage_hour_late, made by SQL (usage/late.py): the hours that were touched long after they began.

    def __str__(self) -> str:
        return f"{self.feature_id} {self.hour:%Y-%m-%d %H}h"


class UsageDay(models.Model):
    """Roll-up: a UTC day of one customer and feature by one dimension; the arrays stand side by side, by member.

    It is only as good as its hours: where they were touched since, its events are read instead.
    """

    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+", db_index=False)
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="+", db_index=False)
    dimension = models.CharField(max_length=200)
    day = models.DateTimeField(help_text="Its midnight")
    touches = models.BigIntegerField(help_text="Of its hours, when their events were summed")
    members = ArrayField(models.TextField(null=True), help_text="Values of the dimension; null: events without one")
    quantities = ArrayField(models.DecimalField(max_digits=38, decimal_places=12))
    events = ArrayField(models.BigIntegerField())
    latest_at = ArrayField(models.DateTimeField(null=True))

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("customer", "feature", "dimension", "day"), name="usage_day_once"),
        )

    def __str__(self) -> str:
        return f"{self.feature_id} {self.dimension} {self.day:%Y-%m-%d}"
