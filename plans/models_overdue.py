"""What follows when a customer does not pay, by their plan, and what was carried out. Part of `plans.models`."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class OverdueConsequence(models.TextChoices):
    NONE = "none", _("Nothing: reminders only")
    DOWNGRADE = "downgrade", _("The plan ends: the customer moves to the default plan")
    HOLD = "hold", _("Access is refused until everything overdue is paid")


class CarriedOutConsequenceQuerySet(models.QuerySet["CarriedOutConsequence"]):
    def holds(self) -> "CarriedOutConsequenceQuerySet":
        """Holds that stand now."""
        return self.filter(kind=OverdueConsequence.HOLD, released_at__isnull=True)


class CarriedOutConsequence(models.Model):
    """The plan's consequence, carried out once for one overdue invoice. A hold stands until it is released."""

    key = models.CharField(max_length=120, unique=True, help_text="invoice:7:consequence:hold")
    kind = models.CharField(max_length=20, choices=OverdueConsequence)
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    subscription = models.ForeignKey(
        "plans.Subscription", on_delete=models.PROTECT, related_name="+", help_text="The spell it was carried out on"
    )
    overdue = models.ForeignKey(
        "invoices.Invoice", on_delete=models.PROTECT, related_name="+", help_text="What was not paid"
    )
    warning = models.ForeignKey(
        "accounts.Notice", on_delete=models.PROTECT, related_name="+", help_text="The delivered message that named it"
    )
    at = models.DateTimeField()
    opened = models.ForeignKey(
        "plans.Subscription", null=True, on_delete=models.PROTECT, related_name="+", help_text="Of a downgrade"
    )
    invoice = models.ForeignKey(
        "invoices.Invoice", null=True, on_delete=models.PROTECT, related_name="+", help_text="Its final invoice"
    )
    released_at = models.DateTimeField(null=True, help_text="Of a hold: everything overdue was paid")

    objects = CarriedOutConsequenceQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=("downgrade", "hold")), name="consequence_kind_known"),
            models.CheckConstraint(
                condition=Q(kind="downgrade", opened__isnull=False, released_at=None)
                | Q(kind="hold", opened=None, invoice=None),
                name="consequence_whole",
            ),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True) | Q(released_at__gte=F("at")), name="consequence_ordered"
            ),
            models.UniqueConstraint(
                fields=("customer",), condition=Q(kind="hold", released_at=None), name="consequence_one_hold"
            ),
        )

    def __str__(self) -> str:
        return self.key
