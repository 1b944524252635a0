"""Staff's view of metering. Events and hours are only looked at; meters and features have pages (admin_pages)."""

from typing import Any, cast

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy

from accounts.staff_filters import CustomerFilter
from accounts.staff_lists import StaffList
from core import formats
from usage import admin_pages
from usage.models import Feature, Meter, UsageEvent, UsageHour


@admin.register(Meter)
class MeterAdmin(StaffList):
    """The list; making and renaming have pages of their own, which write by verbs."""

    list_display = ("name", "key", "event_type", "aggregation", "value_path")
    list_filter = ("aggregation",)
    csv_columns = ("key", "name", "event_type", "aggregation", "value_path", "dimensions")
    search_fields = ("name", "key", "event_type")
    actions = None

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_pages.meter_add(request))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_pages.meter_change(request, object_id))


@admin.register(Feature)
class FeatureAdmin(StaffList):
    """As for meters."""

    list_display = ("name", "key", "meter", "filters_text", "unit_plural")
    list_select_related = ("meter",)
    search_fields = ("name", "key", "meter__name")
    csv_columns = ("key", "name", "meter__key", "filters", "unit", "unit_plural")
    actions = None

    @admin.display(description=gettext_lazy("filters"))
    def filters_text(self, feature: Any) -> str:
        return "; ".join(f"{name} = {', '.join(values)}" for name, values in feature.filters.items())

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_pages.feature_add(request))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_pages.feature_change(request, object_id))


@admin.register(UsageEvent)
class UsageEventAdmin(StaffList):
    list_display = ("event_id", "customer", "type", "subject", "time", "data", "corrects", "received_at")
    list_filter = (CustomerFilter,)
    list_select_related = ("customer",)
    search_fields = ("=customer__key",)
    search_help_text = gettext_lazy("The customer’s whole key")
    ordering = ("-pk",)
    csv_columns = (
        *("customer__key", "source", "event_id", "type", "subject", "time", "data", "corrects", "received_at"),
    )


@admin.register(UsageHour)
class UsageHourAdmin(StaffList):
    list_display = ("customer", "feature", "hour", "quantity_text", "events", "touched_at")
    list_filter = ("feature", CustomerFilter)
    list_select_related = ("customer", "feature")
    search_fields = ("=customer__key",)
    search_help_text = gettext_lazy("The customer’s whole key")
    ordering = ("-pk",)
    csv_columns = ("customer__key", "feature__key", "hour", "quantity", "events", "touched_at")

    @admin.display(description=gettext_lazy("quantity"), ordering="quantity")
    def quantity_text(self, hour: UsageHour) -> str:
        return formats.quantity(hour.quantity)
