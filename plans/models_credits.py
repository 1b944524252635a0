"""How far the usage of a spell has been taken to the customer's credit. Part of `plans.models`."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class CreditExhaustion(models.TextChoices):
    NEGATIVE = "negative", _("Balance goes negative")
    BLOCK = "block", _("Access is refused")


class UsageWatch(models.Model):
    """One spell whose usage lowers credit: on a credits-only plan, or on another one while there is credit.

    It says what of the usage is looked at already, so that the minute's job finds what waits by one indexed question.
    """

    subscription = models.OneToOneField(
        "plans.Subscription", primary_key=True, on_delete=models.PROTECT, related_name="watch"
    )
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    settled_until = models.DateTimeField(
        help_text="Hours before this are settled; what comes of them now is late. Credits-only plans move it."
    )
    seen_at = models.DateTimeField(
        null=True, help_text="Usage that had reached us by then is settled or an open charge; empty: not looked yet"
    )
    stated_until = models.DateField(
        null=True, help_text="Where the last monthly statement of a credits-only plan ended; empty: none yet"
    )

    def __str__(self) -> str:
        return f"{self.subscription_id} until {self.settled_until:%Y-%m-%d %H:%M}"
