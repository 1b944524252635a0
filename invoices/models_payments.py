"""Payments, what credit notes pay, refunds, and rendered documents: the rows around an invoice."""

from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, cast

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from django.utils.translation import gettext_lazy as _

from accounts import figures
from core.ids import public_id
from invoices.checking import given_up_at

if TYPE_CHECKING:
    from invoices.models import Invoice


class PaymentStatus(models.TextChoices):
    PENDING = "pending", _("processing")  # committed; the gateway has not answered
    SUCCEEDED = "succeeded", _("succeeded")
    DECLINED = "declined", _("declined")
    NEEDS_CONFIRMATION = "needs_confirmation", _("needs confirmation")
    UNKNOWN = "unknown", _("unknown")  # timed out or lost: resolved by retrieving, never by paying again
    CANCELED = "canceled", _("canceled")  # retrieved: never reached the card, so nothing was charged
    SURPLUS = "surplus", _("came too late")  # charged when the invoice needed it no more: it goes back (Refund)


UNRESOLVED = (PaymentStatus.PENDING, PaymentStatus.NEEDS_CONFIRMATION, PaymentStatus.UNKNOWN)
GIVEN_UP = (PaymentStatus.DECLINED, PaymentStatus.CANCELED)  # final, unless the processor says later that it succeeded
CHARGED = (PaymentStatus.SUCCEEDED, PaymentStatus.SURPLUS)  # the card's money came


OUTSIDE = "outside"  # the gateway of payments that reached the seller by themselves


class OutsideMethod(models.TextChoices):
    BANK_TRANSFER = "bank_transfer", gettext_lazy("bank transfer")
    CHEQUE = "cheque", gettext_lazy("cheque")
    OTHER = "other", gettext_lazy("another way")


# As they follow «paid»: without a reference, with one.
HOW = {
    OutsideMethod.BANK_TRANSFER: (
        gettext_noop("by bank transfer"),
        gettext_noop("by bank transfer, reference %(reference)s"),
    ),
    OutsideMethod.CHEQUE: (gettext_noop("by cheque"), gettext_noop("by cheque, reference %(reference)s")),
    OutsideMethod.OTHER: (gettext_noop("in another way"), gettext_noop("in another way, reference %(reference)s")),
}
MEANS = {
    OutsideMethod.BANK_TRANSFER: gettext_noop("Bank transfer"),
    OutsideMethod.CHEQUE: gettext_noop("Cheque"),
    OutsideMethod.OTHER: gettext_noop("Another way"),
}


class Payment(models.Model):
    """One attempt to pay one invoice, committed with its key before the gateway is called; or what came from outside,
    recorded by staff: it has no card, and `method`, `reference` and `received_on` instead."""

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
    method = models.CharField(
        max_length=20, choices=OutsideMethod, blank=True, default="", db_default="", help_text="From outside: how"
    )
    reference = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="From outside: as on the bank statement"
    )
    received_on = models.DateField(null=True, help_text="From outside: the day the money came")

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
            models.CheckConstraint(
                condition=~Q(status="surplus")
                | Q(receipt_number__isnull=True, payment_method__isnull=False, settled_at__isnull=False)
                & ~Q(gateway_id=""),
                name="payment_surplus_is_a_cards",
            ),
            models.CheckConstraint(condition=Q(method__in=("", *OutsideMethod.values)), name="payment_method_known"),
            models.CheckConstraint(
                condition=Q(gateway=OUTSIDE, payment_method__isnull=True, received_on__isnull=False) & ~Q(method="")
                | ~Q(gateway=OUTSIDE) & Q(method="", reference="", received_on__isnull=True),
                name="payment_outside_says_how",
            ),
        )
        indexes = (
            models.Index(fields=("check_at",), condition=Q(status__in=UNRESOLVED), name="payment_to_resolve"),
            models.Index(fields=("status", "-id"), condition=~Q(status="succeeded"), name="payment_not_succeeded"),
            models.Index(fields=("gateway_id",), condition=~Q(gateway_id=""), name="payment_by_gateway_id"),
            BrinIndex(fields=("created_at",), name="payment_by_day", pages_per_range=32),
            models.Index(fields=("invoice", "id"), condition=Q(status="declined"), name="payment_declined"),
        )

    def __str__(self) -> str:
        return self.key

    @property
    def is_outside(self) -> bool:
        """Whether it was recorded by staff: no card and no gateway had a part in it."""
        return self.gateway == OUTSIDE

    @property
    def confirm_until(self) -> datetime:
        """From here on it is not waited for the bank's confirmation any more."""
        return given_up_at(self.created_at, automatic=self.automatic)

    @property
    def paid_on(self) -> date | None:
        """The day the money came; None while it has not."""
        return self.received_on or (self.settled_at.date() if self.settled_at else None)

    @property
    def means(self) -> str:
        """`Visa ending 4242`, `Bank transfer`."""
        return str(self.payment_method) if self.payment_method else gettext(MEANS[OutsideMethod(self.method)])

    @property
    def how(self) -> str:
        """As it follows «paid»: `with Visa ending 4242`, `by bank transfer, reference 2026-11-A7`."""
        return str(figures.written(self.how_figure))

    @property
    def how_figure(self) -> figures.Figure:
        """The same as a message takes it."""
        if self.payment_method:
            return figures.sentence("with %(card)s", card=figures.card(self.payment_method))
        plain, with_reference = HOW[OutsideMethod(self.method)]
        return figures.sentence(with_reference, reference=self.reference) if self.reference else figures.sentence(plain)


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


class GoesTo(models.TextChoices):
    """Where the money of a credit note goes, decided when it is issued."""

    ORDER = "order", _("open invoices, then the card that paid; the rest is kept")
    KEPT = "kept", _("open invoices; the rest is kept for the next one")
    PAYMENT = "payment", _("one payment first, then as ever")


class RefundStatus(models.TextChoices):
    PENDING = "pending", gettext_lazy("processing")
    SUCCEEDED = "succeeded", gettext_lazy("succeeded")
    FAILED = "failed", gettext_lazy("failed")
    UNKNOWN = "unknown", gettext_lazy("unknown")


REFUNDING = (RefundStatus.PENDING, RefundStatus.UNKNOWN)


class Refund(models.Model):
    """Money on its way back to the card that paid; committed before the gateway is called.

    It is of a credit note, except that of a *surplus* payment, which no document was ever paid with. Without a payment
    it was paid out outside: staff state how, when, and with which reference.
    """

    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "ref"), editable=False)
    key = models.CharField(
        max_length=120, unique=True, help_text="credit:9:refund:1, payment:7:refund:1: the idempotency key"
    )
    credit_note = models.ForeignKey(
        "invoices.Invoice", null=True, on_delete=models.PROTECT, related_name="refunds", help_text="Null: of a surplus"
    )
    payment = models.ForeignKey(Payment, null=True, on_delete=models.PROTECT, related_name="refunds")
    method = models.CharField(max_length=20, choices=OutsideMethod, blank=True, db_default="", help_text="Outside: how")
    reference = models.CharField(max_length=100, blank=True, db_default="", help_text="Outside: the bank's")
    paid_on = models.DateField(null=True, help_text="Outside: the day it was transferred")
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
            models.CheckConstraint(
                condition=Q(payment__isnull=False, method="", reference="", paid_on=None)
                | Q(payment=None, method__in=OutsideMethod.values, paid_on__isnull=False, status="succeeded"),
                name="refund_to_a_payment_or_outside",
            ),
            models.CheckConstraint(
                condition=Q(credit_note__isnull=False) | Q(payment__isnull=False), name="refund_is_of_something"
            ),
        )
        indexes = (
            models.Index(fields=("check_at",), condition=Q(status__in=REFUNDING), name="refund_to_resolve"),
            models.Index(fields=("id",), condition=Q(status="failed"), name="refund_failed"),
        )

    def __str__(self) -> str:
        return self.key

    @property
    def document(self) -> "Invoice":
        """The credit note it is of; of a surplus the invoice that needed the payment no more."""
        return self.credit_note or cast("Payment", self.payment).invoice  # refund_is_of_something


class DocumentKind(models.TextChoices):
    INVOICE = "invoice", _("invoice")
    RECEIPT = "receipt", _("receipt")
    STATEMENT = "statement", _("credit statement")
    VOID = "void", _("void copy")  # of an invoice or a credit note, beside the document that was sent


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
            models.UniqueConstraint(
                fields=("invoice", "kind"), condition=Q(kind__in=("invoice", "void")), name="document_invoice_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=("invoice", "void", "statement"), payment__isnull=True)
                | Q(kind="receipt", payment__isnull=False),
                name="document_receipt_has_payment",
            ),
            models.CheckConstraint(
                condition=Q(kind="statement", statement__isnull=False, invoice__isnull=True)
                | Q(kind__in=("invoice", "void", "receipt"), statement__isnull=True, invoice__isnull=False),
                name="document_is_of_one_thing",
            ),
        )

    def __str__(self) -> str:
        return self.filename
