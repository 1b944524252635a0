"""The monthly statement of a customer whose plan is paid with credit alone: no invoice, but a document."""

from functools import partial

from django.db import models
from django.db.models import F, Q

from core.ids import public_id
from core.periods import midnight
from credits.stated import Cut


class CreditStatement(models.Model):
    """One billing period of one currency's credit. It has no number and is never changed.

    It covers the movements booked before the period's end that no earlier statement covers; so `opening` is the
    `closing` of the one before it, and every movement stands on exactly one. Where there is no earlier one, what was
    booked before the period is the opening balance.
    """

    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "stm"), editable=False)
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    period_start = models.DateField(help_text="Billing period, half-open")
    period_end = models.DateField()
    previous = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="next")
    opening = models.BigIntegerField(help_text="Minor units; below zero where the balance was overdrawn")
    closing = models.BigIntegerField(help_text="opening + the movements covered")
    first_sequence = models.PositiveBigIntegerField(null=True, help_text="Of the movements covered; null: none moved")
    last_sequence = models.PositiveBigIntegerField(help_text="Where the ledger was when the statement was made")
    ledger_head = models.CharField(max_length=64, help_text="The ledger's hash there")
    customer_party = models.JSONField(default=dict, help_text="Copy of the billing profile when it was made")
    seller_party = models.JSONField(default=dict, help_text="Copy of the seller when it was made")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("customer", "currency", "period_end"), name="credit_statement_once_per_period"
            ),
            models.CheckConstraint(
                condition=Q(period_end__gt=F("period_start")), name="credit_statement_period_ordered"
            ),
        )

    def __str__(self) -> str:
        return f"{self.customer_id} {self.currency} {self.period_start}/{self.period_end}"

    @property
    def cut(self) -> Cut:
        """Which movements are stated by now: on this statement or an earlier one."""
        return Cut(midnight(self.period_end), self.last_sequence)
