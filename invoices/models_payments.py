"""Payments, what credit notes pay, refunds, and rendered documents: the rows around an invoice."""

from functools import partial

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from core.ids import public_id


class PaymentStatus(models.TextChoices):
    PENDING = "pending", "processing"  # committed; the gateway has not answered
    SUCCEEDED = "succeeded", "succeeded"
    DECLINED = "declined", "declined"
    NEEDS_CONFIRMATION = "needs_confirmation", "needs confirmation"
    UNKNOWN = "unknown", "unknown"  # timed out or lost: resolved by retrieving, never by paying again
    CANCELED = "canceled", "canceled"  # retrieved: never reached the card, so nothing was charged


UNRESOLVED = (PaymentStatus.PENDING, PaymentStatus.NEEDS_CONFIRMATION, PaymentStatus.UNKNOWN)


class Payment(models.Model):
    """One attempt to pay one invoice, committed with its key before the gateway is called."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "pay"), editable=False)
    key = models.CharField(max_length=120, unique=True, help_text="invoice:7:payment:1, the idempotency key")
    invoice = models.ForeignKey("invoices.Invoice", on_delete=models.PROTECT, related_name="payments")
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    payment_method = models.ForeignKey("accounts.PaymentMethod", null=True, on_delete=models.PROTECT, related_name="+")
    gateway = models.CharField(max_length=20, help_text="sandbox, stripe, outside")
    gateway_id = models.CharField(max_length=120, blank=True, help_text="Committed before the charge is confirmed")
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20, choices=PaymentStatus, default=PaymentStatus.PENDING)
    decline_code = models.CharField(max_length=40, blank=True)
    automatic = models.BooleanField(help_text="Started by the run, not by a person")
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    check_at = models.DateTimeField(null=True, help_text="Unresolved: ask the gateway again from here")
    checks = models.PositiveSmallIntegerField(default=0)
    receipt_number = models.CharField(  # noqa: DJ001 - as an invoice's number
        max_length=30, null=True, unique=True, help_text="Given when it succeeded"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("invoice",), condition=Q(status__in=UNRESOLVED), name="payment_one_unresolved"
            ),
            models.CheckConstraint(condition=Q(status__in=PaymentStatus.values), name="payment_status_known"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=~Q(status="succeeded") | Q(receipt_number__isnull=False), name="payment_succeeded_has_receipt"
            ),
        )
        indexes = (
            models.Index(fields=("check_at",), condition=Q(status__in=UNRESOLVED), name="payment_to_resolve"),
            models.Index(fields=("status", "-id"), condition=~Q(status="succeeded"), name="payment_not_succeeded"),
            models.Index(fields=("gateway_id",), condition=~Q(gateway_id=""), name="payment_by_gateway_id"),
            BrinIndex(fields=("created_at",), name="payment_by_day", pages_per_range=32),
        )

    def __str__(self) -> str:
        return self.key


class CreditApplication(models.Model):
    """A part of a credit note that lowers what is due on an invoice. Appended only."""

    key = models.CharField(max_length=120, unique=True, help_text="credit:9:invoice:7:1")
    credit_note = models.ForeignKey("invoices.Invoice", on_delete=models.PROTECT, related_name="applications")
    invoice = models.ForeignKey("invoices.Invoice", on_delete=models.PROTECT, related_name="credit_applications")
    amount = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(amount__gt=0), name="credit_application_positive"),
            models.CheckConstraint(condition=~Q(credit_note=F("invoice")), name="credit_application_to_another"),
        )

    def __str__(self) -> str:
        return self.key


class RefundStatus(models.TextChoices):
    PENDING = "pending", "processing"
    SUCCEEDED = "succeeded", "succeeded"
    FAILED = "failed", "failed"
    UNKNOWN = "unknown", "unknown"


REFUNDING = (RefundStatus.PENDING, RefundStatus.UNKNOWN)


class Refund(models.Model):
    """Money of a credit note on its way back to the card that paid; committed before the gateway is called."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "ref"), editable=False)
    key = models.CharField(max_length=120, unique=True, help_text="credit:9:refund:1, the idempotency key")
    credit_note = models.ForeignKey("invoices.Invoice", on_delete=models.PROTECT, related_name="refunds")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=20, choices=RefundStatus, default=RefundStatus.PENDING)
    failure_code = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    check_at = models.DateTimeField(null=True, help_text="Unresolved: go to the gateway (again) from here")
    checks = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(status__in=RefundStatus.values), name="refund_status_known"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
            models.CheckConstraint(
                condition=Q(status__in=REFUNDING) | Q(settled_at__isnull=False), name="refund_outcome_has_instant"
            ),
        )
        indexes = (models.Index(fields=("check_at",), condition=Q(status__in=REFUNDING), name="refund_to_resolve"),)

    def __str__(self) -> str:
        return self.key


class DocumentKind(models.TextChoices):
    INVOICE = "invoice", "invoice"
    RECEIPT = "receipt", "receipt"
    STATEMENT = "statement", "credit statement"


class Document(models.Model):
    """A rendered PDF, made once by the worker and kept with its hash; never rendered again."""

    kind = models.CharField(max_length=20, choices=DocumentKind)
    invoice = models.ForeignKey("invoices.Invoice", null=True, on_delete=models.PROTECT, related_name="documents")
    payment = models.OneToOneField(Payment, null=True, on_delete=models.PROTECT, related_name="receipt")
    statement = models.OneToOneField(
        "invoices.CreditStatement", null=True, on_delete=models.PROTECT, related_name="document"
    )
    filename = models.CharField(max_length=80, unique=True)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=DocumentKind.values), name="document_kind_known"),
            models.UniqueConstraint(fields=("invoice",), condition=Q(kind="invoice"), name="document_invoice_once"),
            models.CheckConstraint(
                condition=Q(kind__in=("invoice", "statement"), payment__isnull=True)
                | Q(kind="receipt", payment__isnull=False),
                name="document_receipt_has_payment",
            ),
            models.CheckConstraint(
                condition=Q(kind="statement", statement__isnull=False, invoice__isnull=True)
                | Q(kind__in=("invoice", "receipt"), statement__isnull=True, invoice__isnull=False),
                name="document_is_of_one_thing",
            ),
        )

    def __str__(self) -> str:
        return self.filename
