"""What a card processor told us by itself: events, kept as they came, and disputes, which are only noted."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import GatewayName
from accounts.staff_words import words_of


class EventStatus(models.TextChoices):
    WAITING = "waiting", _("waiting")
    DONE = "done", _("done")
    IGNORED = "ignored", _("ignored")  # of a type that nothing follows from
    FOREIGN = "foreign", _("not ours")  # about nothing that this portal knows
    FAILED = "failed", _("failed")  # tried for days; somebody has to look


class GatewayEvent(models.Model):
    """A verified webhook, stored once by its id. It is a nudge: what it speaks of is retrieved, and that recorded."""

    gateway = models.CharField(max_length=20, choices=GatewayName)
    event_id = models.CharField(max_length=120, help_text="The processor's id of it")
    type = models.CharField(max_length=80, help_text="payment_intent.succeeded …")
    created_at = models.DateTimeField(help_text="By the processor's clock")
    received_at = models.DateTimeField(help_text="When it came first; repeats change nothing")
    object_id = models.CharField(max_length=120, blank=True, help_text="Of the intent, refund, dispute or card page")
    intent_id = models.CharField(max_length=120, blank=True)
    key = models.CharField(max_length=120, blank=True, help_text="Our idempotency key, where it names one")
    payload = models.JSONField(default=dict, help_text="Its object, without secrets")
    status = models.CharField(max_length=10, choices=EventStatus, default=EventStatus.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, help_text="Waiting: to be handled from here")
    handled_at = models.DateTimeField(null=True)
    subject = models.CharField(max_length=60, blank=True, help_text="What it was about: payment:7")
    effect = models.CharField(max_length=200, blank=True, help_text="What came of it, in words")
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("gateway", "event_id"), name="gateway_event_once"),
            models.CheckConstraint(condition=Q(gateway__in=GatewayName.values), name="gateway_event_gateway_known"),
            models.CheckConstraint(condition=Q(status__in=EventStatus.values), name="gateway_event_status_known"),
            models.CheckConstraint(
                condition=Q(status="waiting", retry_at__isnull=False, handled_at__isnull=True)
                | (~Q(status="waiting") & Q(retry_at__isnull=True, handled_at__isnull=False)),
                name="gateway_event_waits_or_is_handled",
            ),
        )
        indexes = (
            models.Index(fields=("retry_at",), condition=Q(status="waiting"), name="gateway_event_to_handle"),
            models.Index(fields=("status", "-id"), condition=~Q(status="done"), name="gateway_event_not_done"),
            models.Index(fields=("type", "-id"), name="gateway_event_by_type"),
            models.Index(fields=("intent_id",), condition=~Q(intent_id=""), name="gateway_event_by_intent"),
            models.Index(fields=("key",), condition=~Q(key=""), name="gateway_event_by_key"),
            models.Index(fields=("object_id",), name="gateway_event_by_object"),
            BrinIndex(fields=("received_at",), name="gateway_event_by_day", pages_per_range=32),
        )

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class Dispute(models.Model):
    """A cardholder takes a charge back at their bank. Noted as the processor tells it; nothing is decided by it."""

    gateway = models.CharField(max_length=20, choices=GatewayName)
    gateway_id = models.CharField(max_length=120)
    payment = models.ForeignKey("invoices.Payment", on_delete=models.PROTECT, related_name="disputes")
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=60, blank=True, help_text="The processor's word: fraudulent, duplicate …")
    status = models.CharField(max_length=40, help_text="The processor's word: needs_response, under_review, won, lost")
    opened_at = models.DateTimeField()
    as_of = models.DateTimeField(help_text="When the newest event about it was made; an older one changes nothing")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("gateway", "gateway_id"), name="dispute_once"),
            models.CheckConstraint(condition=Q(gateway__in=GatewayName.values), name="dispute_gateway_known"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="dispute_amount_positive"),
        )
        indexes = (models.Index(fields=("id",), condition=Q(closed_at__isnull=True), name="dispute_open"),)

    def __str__(self) -> str:
        return self.gateway_id

    @property
    def words(self) -> str:
        """Its status and reason as people read them: `needs response (fraudulent)`."""
        reason = f" ({words_of(self.reason)})" if self.reason else ""
        return f"{words_of(self.status)}{reason}"
