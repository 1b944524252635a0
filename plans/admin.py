"""Staff's view: plans have pages of their own (admin_plans, admin_cards); and so have requests to sales (admin_sales).
What customers did is read-only always."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext_lazy

from accounts.roles import READ, may
from accounts.staff_filters import CustomerFilter, HappenedFilter, period_of
from accounts.staff_lists import Amount, StaffList, money_column
from core import formats
from plans import admin_cards, admin_migrating, admin_plans, admin_sales
from plans.models import (
    ChangeQuote,
    Plan,
    RateCard,
    RatedUsage,
    SalesInquiry,
    ScheduledChange,
    Subscription,
)
from plans.selectors.exporting import SUBSCRIPTION_COLUMNS


@admin.register(Plan)
class PlanAdmin(StaffList):
    """The list of plans; everything about one of them has pages of its own, which write by verbs."""

    list_display = ("name", "key", "version", "status", "currency", "settlement_mode", "active_subscriptions")
    list_filter = ("status", "settlement_mode", "payment_policy")
    search_fields = ("name", "key")
    ordering = ("position", "key", "-version")
    actions = None
    csv_columns = (
        *("key", "version", "name", "status", "published_at", "currency", "settlement_mode", "payment_policy"),
        *("self_serve", "is_default", "open_count"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        own = Subscription.objects.open().filter(plan=OuterRef("pk")).order_by().values("plan")
        count = Subquery(own.annotate(number=Count("pk")).values("number"), output_field=IntegerField())
        rows: QuerySet[Any] = super().get_queryset(request).annotate(open_count=Coalesce(count, 0))
        # A contract names its customer.
        return rows if may(request.user, READ) else rows.filter(customer__isnull=True)

    @admin.display(description=gettext_lazy("Active subscriptions"), ordering="open_count")
    def active_subscriptions(self, plan: Any) -> int:
        return int(plan.open_count)

    def get_urls(self) -> list[Any]:
        own = [
            path("<str:plan_id>/publish/", admin_plans.plan_publish, name="plans_plan_publish"),
            path("<str:plan_id>/new-version/", admin_plans.plan_copy, name="plans_plan_copy"),
            path("<str:plan_id>/migrate/", admin_migrating.plan_migrate, name="plans_plan_migrate"),
            path("<str:plan_id>/migrations/<str:key>/", admin_migrating.plan_migration, name="plans_plan_migration"),
            path("<str:plan_id>/archive/", admin_plans.plan_archive, name="plans_plan_archive"),
            path("<str:plan_id>/rate-cards/add/", admin_cards.card_add, name="plans_plan_card_add"),
            path("<str:plan_id>/rate-cards/preview/", admin_cards.card_preview, name="plans_plan_card_preview"),
            path("<str:plan_id>/rate-cards/<int:card_id>/", admin_cards.card_change, name="plans_plan_card_change"),
            path(
                "<str:plan_id>/rate-cards/<int:card_id>/remove/", admin_cards.card_remove, name="plans_plan_card_remove"
            ),
        ]
        return [*own, *super().get_urls()]

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_plans.plan_add(request))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_plans.plan_change(request, object_id))


@admin.register(RateCard)
class RateCardAdmin(StaffList):
    """Every price there ever was, to be searched; a draft's are changed on its plan."""

    list_display = ("plan", "name", "key", "model", "feature", "unit_amount", "per_units", "free_units")
    list_filter = ("model", "plan__status")
    list_select_related = ("plan", "feature")
    search_fields = ("name", "key", "plan__name", "plan__key")
    csv_columns = (
        *("plan__key", "plan__version", "plan__status", "key", "name", "model", "feature__key", "unit_amount"),
        *("per_units", "free_units", Amount("amount", "plan__currency"), "plan__currency"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        # The name of a contract's plan, and its prices, tell of its customer.
        return rows if may(request.user, READ) else rows.filter(plan__customer__isnull=True)


@admin.register(Subscription)
class SubscriptionAdmin(StaffList):
    list_display = ("customer", "plan", "anchor_on", "starts_at", "ends_at", "next_billing_on", "calculate_at")
    list_filter = (
        *("plan", ("ends_at", HappenedFilter), period_of("next_billing_on", gettext_lazy("next billing date"))),
        CustomerFilter,
    )
    list_select_related = ("customer", "plan")
    search_fields = ("customer",)
    search_help_text = gettext_lazy("Customer’s name or key")
    ordering = ("-pk",)
    csv_columns = SUBSCRIPTION_COLUMNS


@admin.register(RatedUsage)
class RatedUsageAdmin(StaffList):
    list_display = (
        *(
            "subscription",
            "rate_card",
            "window_starts_at",
            "window_ends_at",
            "quantity_text",
            "amount_text",
            "rated_at",
        ),
    )
    list_select_related = ("subscription__customer", "subscription__plan", "rate_card__plan")
    search_fields = ("=subscription__customer__key",)
    search_help_text = gettext_lazy("The customer’s whole key")
    ordering = ("-pk",)
    csv_columns = (
        *("subscription__customer__key", "subscription__plan__key", "rate_card__key", "window_starts_at"),
        *("window_ends_at", "number", "quantity", Amount("amount", "rate_card__plan__currency")),
        *("rate_card__plan__currency", "invoice_key", "rated_at"),
    )

    @admin.display(description=gettext_lazy("quantity"), ordering="quantity")
    def quantity_text(self, rated: RatedUsage) -> str:
        return formats.quantity(rated.quantity)

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_text(self, rated: RatedUsage) -> str:
        return formats.money(rated.amount, rated.rate_card.plan.currency)


@admin.register(ChangeQuote)
class ChangeQuoteAdmin(StaffList):
    list_display = (
        *("public_id", "customer", "kind", "plan", "total_text", "created_at", "completed_at"),
        *("leaving_reason", "leaving_words"),
    )
    list_filter = ("kind", ("completed_at", HappenedFilter), "leaving_reason", CustomerFilter)
    list_select_related = ("customer", "plan")
    search_fields = ("^public_id", "customer")
    ordering = ("-pk",)
    csv_columns = (
        *("public_id", "customer__key", "customer__name", "kind", "plan__key", "plan__version", "effective_at"),
        *(Amount("subtotal"), Amount("tax"), Amount("total"), "currency", "created_at", "created_by__email"),
        *("accepted_at", "completed_at", "given_up_at", "leaving_reason", "leaving_words"),
    )
    total_text = money_column("total")


@admin.register(ScheduledChange)
class ScheduledChangeAdmin(StaffList):
    list_display = ("customer", "plan", "effective_at", "status", "reason", "created_by", "created_at", "settled_at")
    list_filter = ("status", "plan", period_of("effective_at", gettext_lazy("day it takes effect")), CustomerFilter)
    list_select_related = ("customer", "plan", "created_by")
    search_fields = ("customer",)
    search_help_text = gettext_lazy("Customer’s name or key")
    ordering = ("-pk",)
    csv_columns = (
        *("customer__key", "customer__name", "plan__key", "plan__version", "effective_at", "status", "reason"),
        *("created_by__email", "created_at", "settled_at"),
    )


@admin.register(SalesInquiry)
class SalesInquiryAdmin(StaffList):
    """A board and a page of its own, which write by a verb."""

    search_fields = ("company", "name", "email", "^reference")
    ordering = ("-pk",)
    csv_columns = (
        *("reference", "company", "name", "email", "status", "customer__key", "message", "volume", "created_at"),
    )

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_sales.inquiries(request))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_sales.inquiry(request, object_id))
