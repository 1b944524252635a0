"""What customers want to hear about their spending and usage. Part of `plans.models`."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

PERCENTS = (50, 80, 100)


class BudgetQuerySet(models.QuerySet["Budget"]):
    def in_force(self) -> "BudgetQuerySet":
        """Those that ask to be told anything."""
        spending = Q(amount__isnull=False) & (Q(projected=True) | ~Q(spend_percents=[]))
        return self.filter(spending | ~Q(included_percents=[]))


class Budget(models.Model):
    """An amount per usage window, and at which parts of it and of the included usage a message is sent. It stops
    nothing. Percents are of PERCENTS, ascending."""

    customer = models.OneToOneField("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField(null=True, help_text="Per usage window, minor units; null: none")
    spend_percents = ArrayField(models.PositiveSmallIntegerField(), default=list, help_text="Of the amount")
    projected = models.BooleanField(help_text="Tell when the projection is above the amount")
    included_percents = ArrayField(models.PositiveSmallIntegerField(), default=list, help_text="Of included usage")
    changed_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True, help_text="Compared with usage last, by everybody's clock; null: never")

    objects = BudgetQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(amount__isnull=True) | Q(amount__gt=0), name="budget_amount_positive"),
            models.CheckConstraint(
                condition=Q(spend_percents__contained_by=list(PERCENTS))
                & Q(included_percents__contained_by=list(PERCENTS)),
                name="budget_percents_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.customer_id} {self.currency}"
