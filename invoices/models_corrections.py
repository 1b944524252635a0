"""That a customer asks for a corrected invoice, and what became of it. Part of `invoices.models`."""

from functools import partial
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import public_id


class CorrectionStatus(models.TextChoices):
    OPEN = "open", _("open")
    CORRECTED = "corrected", _("corrected")
    DECLINED = "declined", _("not corrected")


class CorrectionRequestQuerySet(models.QuerySet["CorrectionRequest"]):
    def open(self) -> "CorrectionRequestQuerySet":
        """Nobody has answered yet."""
        return self.filter(status=CorrectionStatus.OPEN)


class CorrectionRequest(models.Model):
    """What is wrong on an issued invoice, in the customer's words, and staff's answer.

    An issued invoice never changes: it is credited and issued anew, by the verbs for that, or not; then staff answer.
    """

    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "cor"), editable=False)
    key = models.CharField(max_length=120, unique=True, help_text="Of the form that asked: sent twice, it asks once")
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey("invoices.Invoice", on_delete=models.PROTECT, related_name="+")
    wrong = models.TextField(help_text="What is wrong, as the customer says it")
    asked_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField()
    status = models.CharField(max_length=20, choices=CorrectionStatus, default=CorrectionStatus.OPEN)
    answer = models.TextField(blank=True, help_text="What staff say to the customer")
    answered_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    answered_at = models.DateTimeField(null=True)

    objects: ClassVar[CorrectionRequestQuerySet] = CorrectionRequestQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "correction"
        constraints = (
            models.CheckConstraint(condition=Q(status__in=CorrectionStatus.values), name="correction_status_known"),
            models.CheckConstraint(condition=~Q(wrong=""), name="correction_says_what_is_wrong"),
            models.CheckConstraint(
                condition=Q(status="open", answer="", answered_at=None)
                | (~Q(status="open") & ~Q(answer="") & Q(answered_at__isnull=False)),
                name="correction_answered_or_open",
            ),
            models.UniqueConstraint(fields=("invoice",), condition=Q(status="open"), name="correction_open_once"),
        )
        indexes = (models.Index(fields=("id",), condition=Q(status="open"), name="correction_to_answer"),)

    def __str__(self) -> str:
        return self.public_id
