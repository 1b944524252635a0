"""Staff's view of metering. Events and hours are only looked at; meters and features are made by their verbs."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import LookOnly, ModelAdmin
from core.clock import now
from usage.models import Feature, Meter, UsageEvent, UsageHour
from usage.services.define_feature import define_feature
from usage.services.define_meter import define_meter

if TYPE_CHECKING:
    from django.forms import ModelForm


class DefinedAdmin(ModelAdmin):
    """Made by a verb; afterwards only its names change, because quantities that were billed keep their meaning."""

    names: ClassVar[tuple[str, ...]] = ("name",)
    fields: ClassVar[tuple[str, ...]]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else tuple(field for field in self.fields if field not in self.names)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:
        if change:
            obj.save(update_fields=self.names)
        else:
            obj.pk = self.define(request, form.cleaned_data).pk

    def define(self, request: HttpRequest, values: dict[str, Any]) -> Any:
        raise NotImplementedError


@admin.register(Meter)
class MeterAdmin(DefinedAdmin):
    fields = ("key", "name", "event_type", "aggregation", "value_path", "dimensions")
    list_display = ("name", "key", "event_type", "aggregation", "value_path")

    def define(self, request: HttpRequest, values: dict[str, Any]) -> Meter:
        return define_meter(**values, at=now(), actor=request.user)  # type: ignore[arg-type] # admin logs in


@admin.register(Feature)
class FeatureAdmin(DefinedAdmin):
    names = ("name", "unit", "unit_plural")
    fields = ("key", "name", "unit", "unit_plural", "meter", "filters")
    list_display = ("name", "key", "meter", "filters")
    list_select_related = ("meter",)

    def define(self, request: HttpRequest, values: dict[str, Any]) -> Feature:
        return define_feature(**values, at=now(), actor=request.user)  # type: ignore[arg-type] # admin logs in


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
