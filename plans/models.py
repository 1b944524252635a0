"""The price list, who subscribed to what, and what that costs. Only this room writes these tables."""

from functools import partial

from django.db import models
from django.db.models import Q

from core.ids import public_id
from plans.models_catalogue import FeeCadence as FeeCadence
from plans.models_catalogue import FeeTiming as FeeTiming
from plans.models_catalogue import Plan as Plan
from plans.models_catalogue import PlanStatus as PlanStatus
from plans.models_catalogue import RateCard as RateCard
from plans.models_catalogue import SettlementMode as SettlementMode
from plans.models_changes import ChangeQuote as ChangeQuote
from plans.models_changes import MoveTime as MoveTime
from plans.models_changes import QuoteKind as QuoteKind
from plans.models_changes import ScheduledChange as ScheduledChange
from plans.models_changes import ScheduleStatus as ScheduleStatus
from plans.models_changes import SubscriptionMigration as SubscriptionMigration
from plans.models_credits import CreditExhaustion as CreditExhaustion
from plans.models_credits import UsageWatch as UsageWatch
from plans.models_prices import PriceModel as PriceModel
from plans.models_prices import PriceTier as PriceTier
from plans.models_subscriptions import Calendar as Calendar
from plans.models_subscriptions import RatedUsage as RatedUsage
from plans.models_subscriptions import Subscription as Subscription
from plans.models_subscriptions import SubscriptionQuerySet as SubscriptionQuerySet


class InquiryStatus(models.TextChoices):
    NEW = "new", "new"
    CONTACTED = "contacted", "contacted"
    CLOSED = "closed", "closed"


class SalesInquiry(models.Model):
    """A «Contact Sales» request. Stored first, mailed after."""

    reference = models.CharField(max_length=40, unique=True, default=partial(public_id, "sal"), editable=False)
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=200)
    email = models.EmailField("work e-mail")
    company = models.CharField(max_length=200)
    message = models.TextField("what do you need?")
    volume = models.CharField("expected monthly volume", max_length=200, blank=True)
    status = models.CharField(max_length=20, choices=InquiryStatus, default=InquiryStatus.NEW)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(status__in=InquiryStatus.values), name="inquiry_status_known"),
        )
        verbose_name_plural = "sales inquiries"

    def __str__(self) -> str:
        return f"{self.company} ({self.reference})"
