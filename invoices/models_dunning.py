"""That a customer was told of something overdue. Part of `invoices.models`."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class OverdueStoryQuerySet(models.QuerySet["OverdueStory"]):
    def open(self) -> "OverdueStoryQuerySet":
        """Not over: something is overdue, or was until a moment ago."""
        return self.filter(ended_at__isnull=True)

    def begin(self, customer_id: int, at: datetime) -> None:
        """The customer is told now, or was before. The caller holds the customer's lock."""
        self.get_or_create(customer_id=customer_id, ended_at=None, defaults={"began_at": at})


class OverdueStory(models.Model):
    """From the first message about something overdue until nothing is: then the customer is thanked, once.

    Dunning itself is worked out from invoices and messages (invoices/dunning.py); nothing else is decided by this row.
    """

    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    began_at = models.DateTimeField(help_text="The first message")
    ended_at = models.DateTimeField(null=True, help_text="Nothing was overdue any more")

    objects: ClassVar[OverdueStoryQuerySet] = OverdueStoryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name_plural = "overdue stories"
        constraints = (
            models.UniqueConstraint(fields=("customer",), condition=Q(ended_at=None), name="overdue_story_one_open"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("began_at")), name="overdue_story_ordered"
            ),
        )

    def __str__(self) -> str:
        return f"{self.customer_id} since {self.began_at:%Y-%m-%d}"
