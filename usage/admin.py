"""Staff's view of metering. Events and hours are only looked at; meters and features have pages (admin_pages)."""

from typing import Any, cast

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from accounts.admin import LookOnly, ModelAdmin
from usage import admin_pages
from usage.models import Feature, Meter, UsageEvent, UsageHour


@admin.register(Meter)
class MeterAdmin(LookOnly, ModelAdmin):
    """The list; making and renaming have pages of their own, which write by verbs."""

    list_display = ("name", "key", "event_type", "aggregation", "value_path")
    search_fields = ("name", "key", "event_type")
    actions = None

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_pages.meter_add(request))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_pages.meter_change(request, object_id))


@admin.register(Feature)
class FeatureAdmin(LookOnly, ModelAdmin):
    """As for meters."""

    list_display = ("name", "key", "meter", "filters_text", "unit_plural")
    list_select_related = ("meter",)
    search_fields = ("name", "key", "meter__name")
    actions = None

    @admin.display(description="filters")
    def filters_text(self, feature: Any) -> str:
        return "; ".join(f"{name} = {', '.join(values)}" for name, values in feature.filters.items())

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_pages.feature_add(request))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_pages.feature_change(request, object_id))


@admin.register(UsageEvent)
class UsageEventAdmin(LookOnly, ModelAdmin):
    list_display = ("event_id", "customer", "type", "subject", "time", "data", "corrects", "received_at")
    list_select_related = ("customer",)
    search_fields = ("=event_id", "=subject", "=customer__key")
    ordering = ("-pk",)
    show_full_result_count = False


@admin.register(UsageHour)
class UsageHourAdmin(LookOnly, ModelAdmin):
    list_display = ("customer", "feature", "hour", "quantity", "events", "touched_at")
    list_select_related = ("customer", "feature")
    list_filter = ("feature",)
    search_fields = ("=customer__key",)
    ordering = ("-hour", "-pk")
    show_full_result_count = False
