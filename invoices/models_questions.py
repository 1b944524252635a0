"""What customers ask about a charge. Part of `invoices.models`."""

from functools import partial
from typing import ClassVar

from django.db import models
from django.db.models import Q

from core.ids import public_id
from core.periods import Window


class ChargeQuestionQuerySet(models.QuerySet["ChargeQuestion"]):
    def open(self) -> "ChargeQuestionQuerySet":
        """Nobody has answered yet."""
        return self.filter(answered_at__isnull=True)


class ChargeQuestion(models.Model):
    """A question about one charge, stored first and mailed after; the answer goes by e-mail.

    What was asked stays as it was written, with the charge as it stood then: an upcoming line is nowhere stored, and
    its amount moves.
    """

    public_id = models.CharField(max_length=40, unique=True, default=partial(public_id, "que"), editable=False)
    key = models.CharField(max_length=120, unique=True, help_text="Of the form that asked: sent twice, it asks once")
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    line_key = models.CharField(max_length=250, help_text="Where the charge is explained")
    title = models.CharField(max_length=200, help_text="Of the charge, as it is kept")
    starts_at = models.DateTimeField(help_text="What the charge is for, half-open")
    ends_at = models.DateTimeField()
    amount = models.BigIntegerField(help_text="What it came to when it was asked about, before tax")
    currency = models.CharField(max_length=3)
    message = models.TextField(help_text="The question, as the customer wrote it")
    asked_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField()
    answered_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    answered_at = models.DateTimeField(null=True, help_text="Empty: nobody has answered yet")

    objects: ClassVar[ChargeQuestionQuerySet] = ChargeQuestionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "question"
        constraints = (models.CheckConstraint(condition=~Q(message=""), name="question_says_something"),)
        # As staff read them: the open ones first, then what was answered last.
        indexes = (models.Index(fields=("-answered_at", "-id"), name="question_open_first"),)

    def __str__(self) -> str:
        return self.public_id

    @property
    def subject(self) -> str:
        """How the audit trail names it."""
        return f"question:{self.public_id}"

    @property
    def window(self) -> Window:
        return Window(self.starts_at, self.ends_at)
