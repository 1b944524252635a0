"""Staff's view: a plan is edited as a draft and read-only afterwards; what customers did is read-only always."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from plans.models import (
    ChangeQuote,
    Plan,
    PlanStatus,
    PriceTier,
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


def _is_frozen(obj: Any) -> bool:
    plan = obj.plan if isinstance(obj, RateCard) else obj
    return isinstance(plan, Plan) and plan.status != PlanStatus.DRAFT


class DraftInline(admin.TabularInline):  # type: ignore[type-arg]  # not generic at run time
    """Rows that are edited as long as their plan is a draft."""

    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _is_frozen(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _is_frozen(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _is_frozen(obj) and super().has_delete_permission(request, obj)


class RateCardInline(DraftInline):
    model = RateCard
    show_change_link = True


class PriceTierInline(DraftInline):
    model = PriceTier


@admin.register(Plan)
class PlanAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "key", "version", "status", "currency", "settlement_mode", "payment_policy", "published_at")
    list_filter = ("status", "settlement_mode", "payment_policy")
    search_fields = ("name", "key")
    readonly_fields = ("status", "published_at")
    inlines = (RateCardInline,)

    def has_change_permission(self, request: HttpRequest, obj: Plan | None = None) -> bool:
        return not _is_frozen(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Plan | None = None) -> bool:
        return not _is_frozen(obj) and super().has_delete_permission(request, obj)


@admin.register(RateCard)
class RateCardAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """One price with its tiers; reached from its plan."""

    list_display = ("plan", "name", "key", "model", "feature", "unit_amount", "per_units", "free_units")
    list_filter = ("model", "plan__status")
    list_select_related = ("plan", "feature")
    search_fields = ("name", "key", "plan__name", "plan__key")
    inlines = (PriceTierInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: RateCard | None = None) -> bool:
        return not _is_frozen(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: RateCard | None = None) -> bool:
        return not _is_frozen(obj) and super().has_delete_permission(request, obj)


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
