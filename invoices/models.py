"""Documents, totals and payments. Only this room writes these tables.

Amounts are integers in minor units of the row's currency. A finalized invoice, its lines, payments and documents
are never edited or deleted: database triggers refuse it, also to the owner (migration `0002_immutable`).
"""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar

from django.db import connection, models
from django.db.models import F, Q, Value
from django.db.models.functions import Abs
from django.utils.translation import gettext_lazy as _

from core.ids import public_id
from invoices import models_archives as models_archives
from invoices.lines import START
from invoices.models_corrections import CorrectionRequest as CorrectionRequest
from invoices.models_corrections import CorrectionStatus as CorrectionStatus
from invoices.models_dunning import OverdueStory as OverdueStory
from invoices.models_events import Dispute as Dispute
from invoices.models_events import EventStatus as EventStatus
from invoices.models_events import GatewayEvent as GatewayEvent
from invoices.models_payments import CHARGED as CHARGED
from invoices.models_payments import GIVEN_UP as GIVEN_UP
from invoices.models_payments import OUTSIDE as OUTSIDE
from invoices.models_payments import REFUNDING as REFUNDING
from invoices.models_payments import UNRESOLVED as UNRESOLVED
from invoices.models_payments import CreditApplication as CreditApplication
from invoices.models_payments import Document as Document
from invoices.models_payments import DocumentKind as DocumentKind
from invoices.models_payments import GoesTo as GoesTo
from invoices.models_payments import OutsideMethod as OutsideMethod
from invoices.models_payments import Payment as Payment
from invoices.models_payments import PaymentStatus as PaymentStatus
from invoices.models_payments import Refund as Refund
from invoices.models_payments import RefundStatus as RefundStatus
from invoices.models_questions import ChargeQuestion as ChargeQuestion
from invoices.models_sellers import InvoiceSequence as InvoiceSequence
from invoices.models_sellers import Seller as Seller
from invoices.models_sellers import TaxRate as TaxRate
from invoices.models_selling import CreditSale as CreditSale
from invoices.models_selling import TopUpRule as TopUpRule
from invoices.models_statements import CreditStatement as CreditStatement
from invoices.sold_lines import SALE
from invoices.states import Move, after
from invoices.totals import TaxRule, Totals, row_values, rules_values


class InvoiceStatus(models.TextChoices):
    DRAFT = "draft", _("draft")
    OPEN = "open", _("open")
    PAID = "paid", _("paid")
    UNCOLLECTIBLE = "uncollectible", _("uncollectible")
    VOID = "void", _("void")


class InvoiceKind(models.TextChoices):
    INVOICE = "invoice", _("invoice")
    CREDIT_NOTE = "credit_note", _("credit note")


class Collection(models.TextChoices):
    AUTOMATIC = "automatic", _("charge the default card")
    SEND_INVOICE = "send_invoice", _("send the invoice")


# One statement for any number of rows; bulk_update would send a CASE per row and column.
FREEZE = """
UPDATE invoices_invoice AS invoice
SET status = frozen.status, number = frozen.number, finalized_at = frozen.finalized_at, issued_on = frozen.issued_on,
    due_on = frozen.due_on, collect_at = frozen.collect_at, paid_at = frozen.paid_at,
    announced_at = frozen.announced_at, tax_label = frozen.tax_label, tax_percent = frozen.tax_percent,
    kind = frozen.kind, subtotal = frozen.subtotal, tax = frozen.tax, tax_included = frozen.tax_included,
    total = frozen.total, taxes = frozen.taxes, tax_rules = frozen.tax_rules, corrects = frozen.corrects,
    seller_party = frozen.seller_party, customer_party = frozen.customer_party,
    credits = frozen.credits, credit_rows = frozen.credit_rows, ledger_sequence = frozen.ledger_sequence,
    ledger_head = frozen.ledger_head, ledger_balance = frozen.ledger_balance
FROM unnest(
    %s::bigint[], %s::text[], %s::text[], %s::timestamptz[], %s::date[], %s::date[], %s::timestamptz[],
    %s::timestamptz[], %s::timestamptz[], %s::text[], %s::numeric[], %s::text[], %s::bigint[], %s::bigint[],
    %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[],
    %s::jsonb[], %s::jsonb[], %s::jsonb[], %s::jsonb[], %s::jsonb[], %s::jsonb[]
) AS frozen (
    id, status, number, finalized_at, issued_on, due_on, collect_at, paid_at, announced_at, tax_label, tax_percent,
    kind, subtotal, tax, tax_included, total, credits, ledger_sequence, ledger_head, ledger_balance,
    taxes, tax_rules, corrects, seller_party, customer_party, credit_rows
)
WHERE invoice.id = frozen.id
"""

FROZEN = (
    *("pk", "status", "number", "finalized_at", "issued_on", "due_on", "collect_at", "paid_at", "announced_at"),
    *("tax_label", "tax_percent", "kind", "subtotal", "tax", "tax_included", "total"),
    *("credits", "ledger_sequence", "ledger_head", "ledger_balance"),
)
FROZEN_JSON = ("taxes", "tax_rules", "corrects", "seller_party", "customer_party", "credit_rows")


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def payable_kind(self) -> "InvoiceQuerySet":
        """Invoices proper: what a customer pays. Credit notes are settled instead."""
        return self.filter(kind=InvoiceKind.INVOICE)

    def credit_notes(self) -> "InvoiceQuerySet":
        """Documents below zero."""
        return self.filter(kind=InvoiceKind.CREDIT_NOTE)

    def debts(self) -> "InvoiceQuerySet":
        """Invoices for what was delivered. A purchase of credits that is not paid is none: nothing was delivered."""
        return self.payable_kind().exclude(key__startswith=SALE)

    def freeze(self, invoices: Sequence["Invoice"]) -> None:
        """Store what finalizing decided about these drafts, in one statement."""
        columns: list[list[object]] = [[getattr(invoice, name) for invoice in invoices] for name in FROZEN]
        columns += [[json.dumps(getattr(invoice, name)) for invoice in invoices] for name in FROZEN_JSON]
        with connection.cursor() as cursor:
            cursor.execute(FREEZE, columns)


class Invoice(models.Model):
    """One document. A draft has no number; finalizing gives the number and freezes everything but its status.

    A total below zero makes it a credit note: its amounts are kept negative and printed positive; it is `open` while
    something of it is left and `paid` once all of it was applied to invoices or refunded.
    """

    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "inv"), editable=False)
    key = models.CharField(
        max_length=120, unique=True, help_text="What it bills: subscription:42:2026-12-20; a discarded draft frees it."
    )
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+", db_index=False)
    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(
        max_length=20, choices=InvoiceKind, default=InvoiceKind.INVOICE, db_default=InvoiceKind.INVOICE
    )
    corrects = models.JSONField(
        default=list,
        db_default=Value([], models.JSONField()),
        help_text="Credit note: numbers of the invoices whose lines it gives back",
    )
    memo = models.CharField(
        max_length=300, blank=True, default="", db_default="", help_text="Credit note: why it gives back, as printed"
    )
    status = models.CharField(max_length=20, choices=InvoiceStatus, default=InvoiceStatus.DRAFT)
    number = models.CharField(  # noqa: DJ001 - null, because a unique empty text could be there only once
        max_length=30, null=True, unique=True, help_text="Given when finalized, gap-free"
    )
    currency = models.CharField(max_length=3)
    collection = models.CharField(max_length=20, choices=Collection, default=Collection.AUTOMATIC)
    payment_terms = models.PositiveSmallIntegerField(
        null=True, help_text="Days from the issue until it is due, where nothing is charged; null: PAYMENT_TERMS"
    )

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

    credits = models.BigIntegerField(
        default=0, db_default=0, help_text="What credit pays, less what goes back to it: the sum of the lines'"
    )
    credit_rows = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), help_text="Per grant that pays: name, grant, amount"
    )
    subtotal = models.BigIntegerField(help_text="Net: the lines without credits and without the tax included in them")
    tax_label = models.CharField(max_length=40, blank=True, help_text="Of the customer's first rate")
    tax_percent = models.DecimalField(max_digits=7, decimal_places=4, default=0)
    tax_rules = models.JSONField(
        default=list,
        db_default=Value([], models.JSONField()),
        help_text="The customer's rates when calculated; lines with rates of their own keep them",
    )
    taxes = models.JSONField(
        default=list,
        db_default=Value([], models.JSONField()),
        help_text="One row per rate: label, percent, category, reason, base, tax",
    )
    tax_included = models.BigIntegerField(default=0, db_default=0, help_text="The part of `tax` that is in the lines")
    tax = models.BigIntegerField(help_text="Sum of the rows")
    total = models.BigIntegerField(help_text="subtotal + tax")
    amount_paid = models.BigIntegerField(
        default=0,
        help_text="Succeeded payments; on a credit note: succeeded refunds. Kept by the verbs that record them",
    )
    amount_credited = models.BigIntegerField(
        default=0, db_default=0, help_text="Credit notes applied to it; on a credit note: what it was applied to"
    )

    given_back = models.JSONField(
        default=dict,
        db_default=Value({}, models.JSONField()),
        help_text="Credit note of one invoice: what was given back of it before (invoices/watermarks.py)",
    )
    goes_to = models.CharField(max_length=10, choices=GoesTo, default=GoesTo.ORDER, db_default=GoesTo.ORDER)
    goes_first_to = models.ForeignKey("invoices.Payment", null=True, on_delete=models.PROTECT, related_name="+")

    seller_party = models.JSONField(default=dict, help_text="Copy of the seller when finalized")
    customer_party = models.JSONField(default=dict, help_text="Copy of the billing profile when finalized")
    ledger_sequence = models.PositiveBigIntegerField(null=True, help_text="Where the credit ledger was when finalized")
    ledger_head = models.CharField(max_length=64, blank=True, default="", db_default="", help_text="Its hash there")
    ledger_balance = models.BigIntegerField(null=True, help_text="Settled credit when finalized")

    objects: ClassVar[InvoiceQuerySet] = InvoiceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(status__in=InvoiceStatus.values), name="invoice_status_known"),
            models.CheckConstraint(condition=Q(collection__in=Collection.values), name="invoice_collection_known"),
            models.CheckConstraint(condition=Q(total=F("subtotal") + F("tax")), name="invoice_total_is_sum"),
            models.CheckConstraint(condition=Q(kind__in=InvoiceKind.values), name="invoice_kind_known"),
            models.CheckConstraint(
                condition=Q(kind="invoice", total__gte=0) | Q(kind="credit_note", total__lte=0),
                name="invoice_negative_is_credit_note",
            ),
            models.CheckConstraint(condition=Q(amount_paid__gte=0), name="invoice_amount_paid_not_negative"),
            models.CheckConstraint(condition=Q(amount_credited__gte=0), name="invoice_amount_credited_not_negative"),
            models.CheckConstraint(
                condition=Q(status__in=("draft", "void")) | Q(number__isnull=False, finalized_at__isnull=False),
                name="invoice_finalized_has_number",
            ),
            models.CheckConstraint(
                condition=~Q(status="draft") | Q(number__isnull=True), name="invoice_draft_has_no_number"
            ),
            models.CheckConstraint(
                condition=~Q(status="paid") | Q(amount_paid=Abs(F("total")) - F("amount_credited")),
                name="invoice_paid_means_paid",
            ),
            models.CheckConstraint(
                condition=Q(kind="invoice") | Q(amount_paid__lte=Abs(F("total")) - F("amount_credited")),
                name="invoice_credit_used_once",
            ),
            models.CheckConstraint(condition=Q(period_end__gte=F("period_start")), name="invoice_period_ordered"),
            models.CheckConstraint(
                condition=Q(goes_to__in=("order", "kept"), goes_first_to=None)
                | Q(goes_to="payment", goes_first_to__isnull=False),
                name="invoice_goes_to_known",
            ),
        )
        indexes = (
            models.Index(fields=("customer", "-billing_on"), name="invoice_by_customer"),
            models.Index(fields=("billing_on",), condition=Q(status="draft"), name="invoice_to_finalize"),
            models.Index(
                fields=("collect_at",), condition=Q(status="open", collect_at__isnull=False), name="invoice_to_collect"
            ),
            # of the list of staff: the newest, those that are not paid, and credit notes
            models.Index(fields=("-billing_on", "-id"), name="invoice_newest"),
            models.Index(fields=("status", "-billing_on", "-id"), condition=~Q(status="paid"), name="invoice_not_paid"),
            models.Index(
                fields=("due_on",),
                include=("customer",),
                condition=Q(status="open", kind="invoice"),
                name="invoice_open_due",
            ),
            models.Index(fields=("-billing_on", "-id"), condition=Q(kind="credit_note"), name="invoice_credit_notes"),
            models.Index(fields=("id",), condition=Q(status="open"), name="invoice_open"),  # of the work list
        )

    def __str__(self) -> str:
        return self.number or f"draft {self.key}"

    @property
    def amount_due(self) -> int:
        """What is still to be paid – of a credit note: what of it is left –, minor units; nothing of what is void."""
        return 0 if self.status == InvoiceStatus.VOID else abs(self.total) - self.amount_paid - self.amount_credited

    def take(self, rule: TaxRule, totals: Totals) -> None:
        """The figures of a draft: what its lines come to by the customer's rule. Below zero it is a credit note, and
        at zero where it gives back credits alone."""
        is_note = totals.total < 0 or (bool(self.given_back) and not totals.total)
        self.kind = InvoiceKind.CREDIT_NOTE if is_note else InvoiceKind.INVOICE
        self.tax_label, self.tax_percent = rule.label, rule.percent
        self.tax_rules = rules_values(rule)
        self.taxes = [row_values(row) for row in totals.taxes]
        self.subtotal, self.tax, self.total = totals.subtotal, totals.tax, totals.total
        self.tax_included = totals.included

    def close_if_settled(self, at: datetime) -> None:
        """Paid, once nothing is due on it – or nothing left of it – any more."""
        if self.amount_due <= 0:
            self.status = after(self.status, Move.SETTLE)
            self.paid_at, self.collect_at = at, None

    @property
    def is_credit_note(self) -> bool:
        return self.kind == InvoiceKind.CREDIT_NOTE

    @property
    def document_kind(self) -> DocumentKind:
        """Which of its PDFs is handed out and mailed: as it was sent, and stamped from when it is void."""
        return DocumentKind.VOID if self.status == InvoiceStatus.VOID else DocumentKind.INVOICE

    @property
    def is_sale(self) -> bool:
        """Whether it sells credits (`CreditSale`): not paid, nothing is owed – they are just not available."""
        return self.key.startswith(SALE)

    @property
    def is_start(self) -> bool:
        """Whether a plan begins once it is paid, and does not where its payment fails."""
        return self.key.endswith(START)


class LineKind(models.TextChoices):
    FEE = "fee", _("fee")
    USAGE = "usage", _("usage")
    CREDITS = "credits", _("credits sold")


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
    credits = models.BigIntegerField(
        default=0, db_default=0, help_text="What credit pays of it; below zero: what goes back to credit"
    )
    explain = models.JSONField(default=dict, help_text="Everything needed to derive the amount again")
    corrects = models.CharField(
        max_length=160, blank=True, db_default="", help_text="Key of the line it gives back (part of)"
    )
    tax_rules = models.JSONField(
        default=list,
        db_default=Value([], models.JSONField()),
        help_text="Rates of its own, as the line it corrects had; empty: the document's",
    )
    added_at = models.DateTimeField(
        null=True, help_text="When it was added without a document; a discarded draft gives it back"
    )

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=LineKind.values), name="line_kind_known"),
            models.CheckConstraint(
                condition=Q(amount__gte=0, credits__gte=0, credits__lte=F("amount"))
                | Q(amount__lt=0, credits__lte=0, credits__gte=F("amount")),
                name="line_credits_within_amount",
            ),
        )
        indexes = (
            models.Index(fields=("customer",), condition=Q(invoice__isnull=True), name="line_pending"),
            models.Index(fields=("corrects",), condition=~Q(corrects=""), name="line_correcting"),
        )
        ordering = ("invoice", "position", "id")

    def __str__(self) -> str:
        return self.key
