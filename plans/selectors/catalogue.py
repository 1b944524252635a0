"""Reads about the price list and who is on it."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate

from accounts.selectors import present_in_sql
from core.due import Due, only
from core.questions import DueQuestion, Given, Question
from invoices.due import drafts_until
from plans.models import (
    ChangeQuote,
    Plan,
    PlanStatus,
    QuoteKind,
    RateCard,
    ScheduledChange,
    ScheduleStatus,
    Subscription,
    open_as_shown,
    open_in_short,
)


def catalogue(customer_id: int | None = None) -> list[Plan]:
    """The published plans in the order of their tiles, with rate cards; a customer's own contract among them."""
    return list(Plan.objects.published().open_to(customer_id).with_cards())


def contracts_of(customer_id: int) -> list[Plan]:
    """Every version of a customer's contract, the newest first."""
    return list(Plan.objects.filter(customer=customer_id).order_by("-version"))


def draft_plans(limit: int, *, contracts: bool) -> list[Plan]:
    """Versions that somebody has begun and nobody has published, the oldest first; rate cards are not read.

    `contracts`: those of one customer alone, too, whom they name.
    """
    rows = Plan.objects.filter(status=PlanStatus.DRAFT).order_by("pk")
    return list((rows if contracts else rows.filter(customer__isnull=True))[:limit])


def published_plan(key: str) -> Plan | None:
    """The published version of a plan; its rate cards are not read yet."""
    return Plan.objects.published().filter(key=key).first()


def rate_card_by_id(rate_card_id: int) -> RateCard | None:
    """A rate card with its price list version and what it counts; None where there is none. One query."""
    return RateCard.objects.select_related("plan", "feature__meter").filter(pk=rate_card_id).first()


def default_plan() -> Plan:
    """What customers start with and «Cancel Plan» moves to, with rate cards."""
    return Plan.objects.published().with_cards().get(is_default=True)


def current_subscription(customer_id: int) -> Subscription | None:
    """The open spell with customer, plan and cards, in two queries; None where nobody has opened one."""
    return open_as_shown().filter(customer_id=customer_id).first()


def current_spell(customer_id: int) -> Subscription | None:
    """The same with the plan and `is_held` alone, for who asks no price of it. One query."""
    return open_in_short().filter(customer_id=customer_id).first()


def due_for_calculation(at: datetime, customer_id: int | None = None) -> list[Due]:
    """Subscriptions whose calculation instant and grace have passed on the customer's own clock; nobody parked."""
    return _to_calculate(at, customer_id, grace=settings.CALCULATION_GRACE)


@DueQuestion
def _to_calculate(at: Given, grace: Given, customer_id: Given | None) -> QuerySet[Any, Any]:
    rows = Subscription.objects.due(at, grace).filter(**only(customer_id)).annotate(present=present_in_sql(at))
    return rows.order_by("present", "customer_id").values_list("pk", "customer_id", "present")


def due_for_follow_up(at: datetime, customer_id: int | None = None) -> list[Due]:
    """Ended subscriptions whose late usage is looked for now, by the customer's own clock; nobody parked."""
    return _to_follow_up(at, customer_id, grace=settings.CALCULATION_GRACE)


@DueQuestion
def _to_follow_up(at: Given, grace: Given, customer_id: Given | None) -> QuerySet[Any, Any]:
    rows = Subscription.objects.to_follow_up(at, grace).filter(**only(customer_id)).annotate(present=present_in_sql(at))
    return rows.order_by("present", "customer_id").values_list("pk", "customer_id", "present")


@DueQuestion
def due_to_change(at: Given, customer_id: Given | None) -> QuerySet[Any, Any]:
    """Scheduled changes whose instant has come, once everything before it is calculated and issued; nobody parked."""
    present = present_in_sql(at)
    effective_at = OuterRef("effective_at")
    calculated_before = Subscription.objects.filter(
        Q(ends_at__isnull=True, calculate_at__lt=effective_at) | Q(follow_up_at__lt=effective_at),
        customer=OuterRef("customer"),
    )
    issued_before = drafts_until(OuterRef("customer"), OuterRef("effective_on"))
    rows = (
        ScheduledChange.objects.filter(status=ScheduleStatus.SCHEDULED, customer__parked_at__isnull=True)
        .filter(**only(customer_id))
        .annotate(present=present, effective_on=TruncDate("effective_at"))
        .filter(effective_at__lte=F("present"))
        .exclude(Exists(calculated_before))
        .exclude(Exists(issued_before))
    )
    return rows.order_by("present", "customer_id").values_list("pk", "customer_id", "present")


def starts_to_settle(customer_id: int | None = None) -> list[ChangeQuote]:
    """Quotes whose first invoice is issued while the plan has not begun."""
    found = [pk for (pk,) in _starts.ask(customer_id=customer_id)]
    return list(ChangeQuote.objects.filter(pk__in=found).select_related("customer").order_by("pk")) if found else []


@Question
def _starts(customer_id: Given | None) -> QuerySet[Any, Any]:
    return ChangeQuote.objects.starts_to_settle().filter(**only(customer_id)).values_list("pk")


def quote_by_id(public_id: str) -> ChangeQuote | None:
    """A quote with plan, customer and spell. Whoever asks checks that its customer may be seen."""
    if "\x00" in public_id:  # PostgreSQL has no such text
        return None
    rows = ChangeQuote.objects.select_related("customer", "plan", "subscription__plan", "opened", "invoice")
    return rows.filter(public_id=public_id).first()


def quote_of_invoice(public_id: str) -> ChangeQuote | None:
    """Whose first payment an invoice asks for. Whoever asks checks that its customer may be seen."""
    rows = ChangeQuote.objects.filter(kind=QuoteKind.SUBSCRIBE, invoice__public_id=public_id)
    return rows.select_related("customer", "plan").first()


def quote_of(customer_id: int, public_id: str) -> ChangeQuote | None:
    """A customer's own quote; None for anybody else's."""
    quote = quote_by_id(public_id)
    return quote if quote and quote.customer_id == customer_id else None
