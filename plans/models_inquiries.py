"""Requests to sales, and how far each has come. Part of `plans.models`."""

from datetime import date, datetime
from functools import partial
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import public_id


class InquiryStatus(models.TextChoices):
    NEW = "new", _("new")
    CONTACTED = "contacted", _("contacted")
    QUALIFIED = "qualified", _("qualified")
    WON = "won", _("won")
    LOST = "lost", _("lost")


OPEN_INQUIRIES = (InquiryStatus.NEW, InquiryStatus.CONTACTED, InquiryStatus.QUALIFIED)


class InquiryQuerySet(models.QuerySet["SalesInquiry"]):
    def open(self) -> "InquiryQuerySet":
        """Neither won nor lost."""
        return self.filter(status__in=OPEN_INQUIRIES)


class SalesInquiry(models.Model):
    """A «Contact Sales» request. Stored first, mailed after; what the person wrote stays as written.

    Its notes are the entries of the audit trail about it: appended, with who and when.
    """

    reference = models.CharField(max_length=40, unique=True, default=partial(public_id, "sal"), editable=False)
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=200)
    email = models.EmailField("work e-mail")
    company = models.CharField(max_length=200)
    message = models.TextField("what do you need?")
    volume = models.CharField("expected monthly volume", max_length=200, blank=True)
    status = models.CharField(max_length=20, choices=InquiryStatus, default=InquiryStatus.NEW)
    status_at = models.DateTimeField(null=True, help_text="When the status changed last; empty: since it came in")
    owner = models.ForeignKey(
        "accounts.User", null=True, on_delete=models.SET_NULL, related_name="+", help_text="Who of staff works on it"
    )
    next_step = models.CharField(max_length=200, blank=True, default="", db_default="")
    next_on = models.DateField(null=True, help_text="The day of the next step")
    worked_key = models.CharField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text="Of the form that wrote last: what the next one has seen",
    )
    created_at = models.DateTimeField()

    objects: ClassVar[InquiryQuerySet] = InquiryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(status__in=InquiryStatus.values), name="inquiry_status_known"),
        )
        indexes = (models.Index(fields=("created_at",), condition=Q(status__in=OPEN_INQUIRIES), name="inquiry_open"),)
        verbose_name_plural = "sales inquiries"

    def __str__(self) -> str:
        return f"{self.company} ({self.reference})"

    @property
    def subject(self) -> str:
        """How the audit trail names it."""
        return f"inquiry:{self.reference}"

    @property
    def since(self) -> datetime:
        """How long it has this status."""
        return self.status_at or self.created_at

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_INQUIRIES

    def is_late(self, on: date) -> bool:
        """Whether the day of its next step has passed."""
        return self.is_open and self.next_on is not None and self.next_on < on
