"""Which optional messages a customer does not want. Part of `accounts.models`."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy


class OptionalMail(models.TextChoices):
    """Messages that a customer may switch off; all others are required."""

    CHARGES = "charges", gettext_lazy("Charges are calculated, three days before they are billed")
    CARD_EXPIRING = "card_expiring", gettext_lazy("The default card expires soon")
    CREDITS_GRANTED = "credits_granted", gettext_lazy("Credits were added")
    CREDITS_LOW = "credits_low", gettext_lazy("Credits are low or used up")
    CREDITS_EXPIRING = "credits_expiring", gettext_lazy("Credits expire soon")
    CREDIT_STATEMENT = "credit_statement", gettext_lazy("Monthly credit statement")


class MutedMail(models.Model):
    """One kind of message that one customer has switched off. Without a row it is sent."""

    customer = models.ForeignKey(
        "accounts.Customer", on_delete=models.CASCADE, related_name="muted_mail", db_index=False
    )
    kind = models.CharField(max_length=20, choices=OptionalMail)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("customer", "kind"), name="muted_mail_once"),
            models.CheckConstraint(condition=Q(kind__in=OptionalMail.values), name="muted_mail_kind_known"),
        )

    def __str__(self) -> str:
        return f"{self.customer_id} {self.kind}"
