"""Staff's view: plans have pages of their own (admin_plans, admin_cards); what customers did is read-only always."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path

from plans import admin_cards, admin_migrating, admin_plans
from plans.models import (
    ChangeQuote,
    Plan,
    RateCard,
    RatedUsage,
    SalesInquiry,
    ScheduledChange,
    Subscription,
)


class ReadOnly:
    """Rows that only the verbs of this room write."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Plan)
class PlanAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """The list of plans; everything about one of them has pages of its own, which write by verbs."""

    list_display = ("name", "key", "version", "status", "currency", "settlement_mode", "active_subscriptions")
    list_filter = ("status", "settlement_mode", "payment_policy")
    search_fields = ("name", "key")
    ordering = ("position", "key", "-version")
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        is_open = Q(subscriptions__isnull=False, subscriptions__ends_at__isnull=True)
        rows: QuerySet[Plan] = super().get_queryset(request)
        return rows.annotate(open_count=Count("subscriptions", filter=is_open))

    @admin.display(description="Active subscriptions", ordering="open_count")
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
class RateCardAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Every price there ever was, to be searched; a draft's are changed on its plan."""

    list_display = ("plan", "name", "key", "model", "feature", "unit_amount", "per_units", "free_units")
    list_filter = ("model", "plan__status")
    list_select_related = ("plan", "feature")
    search_fields = ("name", "key", "plan__name", "plan__key")


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("customer", "plan", "anchor_on", "starts_at", "ends_at", "next_billing_on", "calculate_at")
    list_filter = ("plan", ("ends_at", admin.EmptyFieldListFilter))
    list_select_related = ("customer", "plan")
    search_fields = ("customer__name", "customer__key")
    date_hierarchy = "starts_at"


@admin.register(RatedUsage)
class RatedUsageAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("subscription", "rate_card", "window_starts_at", "window_ends_at", "quantity", "amount", "rated_at")
    list_select_related = ("subscription__customer", "subscription__plan", "rate_card__plan")
    search_fields = ("subscription__customer__name", "invoice_key")


@admin.register(ChangeQuote)
class ChangeQuoteAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("public_id", "customer", "kind", "plan", "total", "currency", "created_at", "completed_at")
    list_filter = ("kind", ("completed_at", admin.EmptyFieldListFilter))
    list_select_related = ("customer", "plan")
    search_fields = ("public_id", "customer__name", "customer__key")


@admin.register(ScheduledChange)
class ScheduledChangeAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("customer", "plan", "effective_at", "status", "reason", "created_by", "created_at", "settled_at")
    list_filter = ("status", "plan")
    list_select_related = ("customer", "plan", "created_by")
    search_fields = ("customer__name", "customer__key", "reason")
    date_hierarchy = "effective_at"


@admin.register(SalesInquiry)
class SalesInquiryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Only the status is worked on; what the person wrote stays as written."""

    list_display = ("company", "name", "email", "status", "created_at", "reference")
    list_filter = ("status",)
    list_editable = ("status",)
    list_select_related = ("customer",)
    search_fields = ("company", "name", "email", "reference")
    readonly_fields = (
        "reference", "customer", "user", "name", "email", "company", "message", "volume", "created_at"
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
