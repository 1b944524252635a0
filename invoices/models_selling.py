"""Credit that is sold, and rules that buy it by themselves: part of the room's tables (invoices/models.py)."""

from functools import partial

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import public_id


class OffBecause(models.TextChoices):
    CUSTOMER = "customer", _("switched off")
    STAFF = "staff", _("switched off by our staff")
    FAILED = "failed", _("a payment failed")


class TopUpRule(models.Model):
    """Automatic top-up of one currency: below `threshold` it buys `amount`. It is consent to be charged: who gave it
    and when stands here, and every change in the audit trail."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "tur"), editable=False)
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+", db_index=False)
    currency = models.CharField(max_length=3)
    is_on = models.BooleanField()
    off_because = models.CharField(max_length=10, choices=OffBecause, blank=True, default="")
    threshold = models.BigIntegerField(help_text="Buys when less is available now, minor units")
    amount = models.BigIntegerField(help_text="Credit that it buys at a time, minor units")
    ceiling = models.BigIntegerField(help_text="What it may charge per UTC calendar month, tax included, minor units")
    next_at = models.DateTimeField(help_text="Buys nothing before: the cool-down, or the next month at the ceiling")
    bought = models.PositiveIntegerField(default=0, help_text="How often it has bought; numbers the keys")
    consented_at = models.DateTimeField()
    consented_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("customer", "currency"), name="top_up_rule_once"),
            models.CheckConstraint(
                condition=Q(threshold__gte=0, amount__gt=0, ceiling__gt=0), name="top_up_rule_amounts_positive"
            ),
            models.CheckConstraint(
                condition=Q(is_on=True, off_because="") | Q(is_on=False, off_because__in=OffBecause.values),
                name="top_up_rule_off_says_why",
            ),
        )
        indexes = (models.Index(fields=("next_at",), condition=Q(is_on=True), name="top_up_rule_on"),)

    def __str__(self) -> str:
        return f"{self.customer_id} {self.currency}"


class Origin(models.TextChoices):
    CUSTOMER = "customer", _("bought by the customer")
    STAFF = "staff", _("invoiced by staff")
    TOP_UP = "top_up", _("automatic top-up")


class CreditSale(models.Model):
    """A grant and the invoice that sells it, joined when both are made; neither ever changes (`0002_immutable`).

    The grant is pending until the invoice is paid.
    """

    key = models.CharField(max_length=120, unique=True, help_text="Also of its grant, its invoice and its line")
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+", db_index=False)
    invoice = models.OneToOneField("invoices.Invoice", on_delete=models.PROTECT, related_name="+")
    grant = models.OneToOneField("credits.CreditGrant", on_delete=models.PROTECT, related_name="+")
    origin = models.CharField(max_length=10, choices=Origin)
    rule = models.ForeignKey(TopUpRule, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    ceiling = models.BigIntegerField(null=True, help_text="Of its rule, when it was bought")
    expires_at = models.DateTimeField(null=True, help_text="Not paid by then, it is given up; null: never")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(origin__in=Origin.values), name="credit_sale_origin_known"),
            models.CheckConstraint(
                condition=Q(origin="top_up", rule__isnull=False, ceiling__isnull=False)
                | ~Q(origin="top_up") & Q(rule__isnull=True, ceiling__isnull=True),
                name="credit_sale_top_up_has_rule",
            ),
        )
        indexes = (
            models.Index(fields=("customer", "-id"), name="credit_sale_of_customer"),
            models.Index(fields=("rule", "created_at"), condition=Q(rule__isnull=False), name="credit_sale_of_rule"),
            models.Index(fields=("expires_at",), condition=Q(expires_at__isnull=False), name="credit_sale_expiring"),
        )

    def __str__(self) -> str:
        return self.key
