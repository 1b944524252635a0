"""Documents, totals and payments. Only this room writes these tables.

Amounts are integers in minor units of the row's currency. A finalized invoice, its lines, payments and documents
are never edited or deleted: database triggers refuse it, also to the owner (migration `0002_immutable`).
"""

import json
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from django.db import connection, models
from django.db.models import F, Q

from core.ids import public_id


class Seller(models.Model):
    """The legal entity that issues documents. Issued documents keep their own copy of it."""

    key = models.SlugField(max_length=40, unique=True)
    legal_name = models.CharField(max_length=200)
    line1 = models.CharField(max_length=200)
    line2 = models.CharField(max_length=200, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=100)
    country = models.CharField(max_length=2)
    tax_id = models.CharField(max_length=40, blank=True)
    registration = models.CharField(max_length=200, blank=True, help_text="Register, number, capital – as law asks")
    email = models.EmailField()
    iban = models.CharField(max_length=40, blank=True)
    number_prefix = models.CharField(
        max_length=10, blank=True, unique=True, help_text="Before INV and RCP, so that two sellers never share a number"
    )

    def __str__(self) -> str:
        return self.legal_name


class TaxRate(models.Model):
    """The seller's table: which rate customers of a country pay. An empty country is everybody else."""

    seller = models.ForeignKey(Seller, on_delete=models.CASCADE, related_name="tax_rates")
    country = models.CharField(max_length=2, blank=True)
    label = models.CharField(max_length=40, help_text="As printed: VAT, Sales tax")
    percent = models.DecimalField(max_digits=7, decimal_places=4)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("seller", "country"), name="tax_rate_once"),
            models.CheckConstraint(condition=Q(percent__gte=0, percent__lt=100), name="tax_rate_percent_valid"),
        )

    def __str__(self) -> str:
        return f"{self.label} {self.percent.normalize():f} % {self.country or '(others)'}"


class InvoiceSequence(models.Model):
    """The last number given per seller, series and year. Locked last, after the customers."""

    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="+")
    series = models.CharField(max_length=20, help_text="INV, RCP – with the seller's prefix")
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("seller", "series", "year"), name="invoice_sequence_once"),)

    def __str__(self) -> str:
        return f"{self.series}-{self.year}-{self.last:06d}"


class InvoiceStatus(models.TextChoices):
    DRAFT = "draft", "draft"
    OPEN = "open", "open"
    PAID = "paid", "paid"
    UNCOLLECTIBLE = "uncollectible", "uncollectible"
    VOID = "void", "void"


class Collection(models.TextChoices):
    AUTOMATIC = "automatic", "charge the default card"
    SEND_INVOICE = "send_invoice", "send the invoice"


# One statement for any number of rows; bulk_update would send a CASE per row and column.
FREEZE = """
UPDATE invoices_invoice AS invoice
SET status = frozen.status, number = frozen.number, finalized_at = frozen.finalized_at, issued_on = frozen.issued_on,
    due_on = frozen.due_on, collect_at = frozen.collect_at, paid_at = frozen.paid_at,
    announced_at = frozen.announced_at, tax_label = frozen.tax_label, tax_percent = frozen.tax_percent,
    tax = frozen.tax, total = frozen.total, seller_party = frozen.seller_party, customer_party = frozen.customer_party
FROM unnest(
    %s::bigint[], %s::text[], %s::text[], %s::timestamptz[], %s::date[], %s::date[], %s::timestamptz[],
    %s::timestamptz[], %s::timestamptz[], %s::text[], %s::numeric[], %s::bigint[], %s::bigint[], %s::jsonb[],
    %s::jsonb[]
) AS frozen (
    id, status, number, finalized_at, issued_on, due_on, collect_at, paid_at, announced_at, tax_label, tax_percent,
    tax, total, seller_party, customer_party
)
WHERE invoice.id = frozen.id
"""

FROZEN = (
    *("pk", "status", "number", "finalized_at", "issued_on", "due_on", "collect_at", "paid_at", "announced_at"),
    *("tax_label", "tax_percent", "tax", "total"),
)
PARTIES = ("seller_party", "customer_party")


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def freeze(self, invoices: Sequence["Invoice"]) -> None:
        """Store what finalizing decided about these drafts, in one statement."""
        columns: list[list[object]] = [[getattr(invoice, name) for invoice in invoices] for name in FROZEN]
        columns += [[json.dumps(getattr(invoice, name)) for invoice in invoices] for name in PARTIES]
        with connection.cursor() as cursor:
            cursor.execute(FREEZE, columns)


class Invoice(models.Model):
    """One document. A draft has no number; finalizing gives the number and freezes everything but its status."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "inv"), editable=False)
    key = models.CharField(
        max_length=120, unique=True, help_text="What it bills: subscription:42:2026-12-20; a discarded draft frees it."
    )
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=20, choices=InvoiceStatus, default=InvoiceStatus.DRAFT)
    number = models.CharField(  # noqa: DJ001 - null, because a unique empty text could be there only once
        max_length=30, null=True, unique=True, help_text="Given when finalized, gap-free"
    )
    currency = models.CharField(max_length=3)
    collection = models.CharField(max_length=20, choices=Collection, default=Collection.AUTOMATIC)

    billing_on = models.DateField(help_text="The billing date: finalized on or after this day")
    period_start = models.DateField(help_text="Billing period, half-open")
    period_end = models.DateField()
    calculated_at = models.DateTimeField(help_text="When lines, tax and total were fixed")
    announced_at = models.DateTimeField(null=True, help_text="When the customer was told amount, date and card")
    finalized_at = models.DateTimeField(null=True)
    issued_on = models.DateField(null=True)
    due_on = models.DateField(null=True)
    collect_at = models.DateTimeField(
        null=True, help_text="Automatic collection is due from here; null when there is nothing to try by itself."
    )
    paid_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)

    subtotal = models.BigIntegerField(help_text="Sum of the lines")
    tax_label = models.CharField(max_length=40, blank=True)
    tax_percent = models.DecimalField(max_digits=7, decimal_places=4, default=0)
    tax = models.BigIntegerField()
    total = models.BigIntegerField(help_text="subtotal + tax")
    amount_paid = models.BigIntegerField(default=0, help_text="Sum of succeeded payments, kept by record_payment")

    seller_party = models.JSONField(default=dict, help_text="Copy of the seller when finalized")
    customer_party = models.JSONField(default=dict, help_text="Copy of the billing profile when finalized")

    objects: ClassVar[InvoiceQuerySet] = InvoiceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(status__in=InvoiceStatus.values), name="invoice_status_known"),
            models.CheckConstraint(condition=Q(collection__in=Collection.values), name="invoice_collection_known"),
            models.CheckConstraint(condition=Q(total=F("subtotal") + F("tax")), name="invoice_total_is_sum"),
            models.CheckConstraint(condition=Q(total__gte=0), name="invoice_total_not_negative"),
            models.CheckConstraint(condition=Q(amount_paid__gte=0), name="invoice_amount_paid_not_negative"),
            models.CheckConstraint(
                condition=Q(status__in=("draft", "void")) | Q(number__isnull=False, finalized_at__isnull=False),
                name="invoice_finalized_has_number",
            ),
            models.CheckConstraint(
                condition=~Q(status="draft") | Q(number__isnull=True), name="invoice_draft_has_no_number"
            ),
            models.CheckConstraint(
                condition=~Q(status="paid") | Q(amount_paid=F("total")), name="invoice_paid_means_paid"
            ),
            models.CheckConstraint(condition=Q(period_end__gte=F("period_start")), name="invoice_period_ordered"),
        )
        indexes = (
            models.Index(fields=("customer", "-billing_on"), name="invoice_by_customer"),
            models.Index(fields=("billing_on",), condition=Q(status="draft"), name="invoice_to_finalize"),
            models.Index(
                fields=("collect_at",), condition=Q(status="open", collect_at__isnull=False), name="invoice_to_collect"
            ),
        )

    def __str__(self) -> str:
        return self.number or f"draft {self.key}"

    @property
    def amount_due(self) -> int:
        """What is still to be paid, minor units."""
        return self.total - self.amount_paid


class LineKind(models.TextChoices):
    FEE = "fee", "fee"
    USAGE = "usage", "usage"


class InvoiceLine(models.Model):
    """One line; pending while it has no invoice. Its key is also its Explain address."""

    key = models.CharField(max_length=160, unique=True)
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, null=True, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField(default=0)
    kind = models.CharField(max_length=10, choices=LineKind)
    currency = models.CharField(max_length=3)
    title = models.CharField(max_length=200, help_text="Specific: API requests, Plus monthly fee")
    detail = models.CharField(max_length=300, blank=True, help_text="The calculation in words: $49.00 × 11 of 30 days")
    starts_at = models.DateTimeField(help_text="What it is for, half-open")
    ends_at = models.DateTimeField()
    feature_key = models.CharField(max_length=60, blank=True)
    quantity = models.DecimalField(max_digits=38, decimal_places=12)
    unit_amount = models.DecimalField(
        max_digits=30, decimal_places=12, null=True, help_text="Price per `per_units`, major units; null for fees"
    )
    per_units = models.PositiveIntegerField(default=1)
    amount = models.BigIntegerField()
    explain = models.JSONField(default=dict, help_text="Everything needed to derive the amount again")

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(kind__in=LineKind.values), name="line_kind_known"),)
        indexes = (models.Index(fields=("customer",), condition=Q(invoice__isnull=True), name="line_pending"),)
        ordering = ("invoice", "position", "id")

    def __str__(self) -> str:
        return self.key


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
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payments")
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
        indexes = (models.Index(fields=("check_at",), condition=Q(status__in=UNRESOLVED), name="payment_to_resolve"),)

    def __str__(self) -> str:
        return self.key


class DocumentKind(models.TextChoices):
    INVOICE = "invoice", "invoice"
    RECEIPT = "receipt", "receipt"


class Document(models.Model):
    """A rendered PDF, made once by the worker and kept with its hash; never rendered again."""

    kind = models.CharField(max_length=20, choices=DocumentKind)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="documents")
    payment = models.OneToOneField(Payment, null=True, on_delete=models.PROTECT, related_name="receipt")
    filename = models.CharField(max_length=80, unique=True)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=DocumentKind.values), name="document_kind_known"),
            models.UniqueConstraint(fields=("invoice",), condition=Q(kind="invoice"), name="document_invoice_once"),
            models.CheckConstraint(
                condition=Q(kind="invoice", payment__isnull=True) | Q(kind="receipt", payment__isnull=False),
                name="document_receipt_has_payment",
            ),
        )

    def __str__(self) -> str:
        return self.filename
