"""Staff's view of this room. What the books rest on is read-only: it is changed by verbs, or never."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.models import (
    ApiToken,
    AuditEntry,
    CardSetup,
    Customer,
    Notice,
    PaymentMethod,
    SandboxIntent,
    SandboxSession,
    User,
)
from accounts.services.revoke_api_token import revoke_api_token
from core.clock import now

if TYPE_CHECKING:  # generic for the type checker only
    from django.db.models import Model, QuerySet

    ModelAdmin = admin.ModelAdmin[Model]
    TabularInline = admin.TabularInline[Model, Model]
else:
    ModelAdmin, TabularInline = admin.ModelAdmin, admin.TabularInline


class LookOnly:
    """No adding, changing or deleting; everything can be looked at."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]
    ordering = ("email",)
    list_display = ("email", "first_name", "last_name", "is_staff", "last_login")
    search_fields = ("email", "first_name", "last_name")
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        ("Person", {"fields": ("first_name", "last_name")}),
        ("Permissions", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "usable_password", "password1", "password2")}),)


class CustomerList(ChangeList):
    """Leads to the customer page with its tabs, not to the bare row."""

    def url_for_result(self, result: Any) -> str:
        return reverse("admin:customer", args=[result.key])


@admin.register(Customer)
class CustomerAdmin(LookOnly, ModelAdmin):
    list_display = ("name", "key", "payment_policy", "currency", "parked_at", "created_at")
    list_filter = ("payment_policy", ("parked_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "key", "users__email", "usage_subjects__subject")
    date_hierarchy = "created_at"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CustomerList

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """No bare form: the customer page shows everything, and has an action for each thing that may change."""
        customer = self.get_object(request, object_id)
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request, customer):
            raise PermissionDenied
        if not isinstance(customer, Customer):
            raise Http404
        return redirect("admin:customer", customer.key)


@admin.register(PaymentMethod)
class PaymentMethodAdmin(LookOnly, ModelAdmin):
    list_display = ("__str__", "customer", "gateway", "exp_month", "exp_year", "is_default", "created_at", "deleted_at")
    list_filter = ("gateway", "is_default", ("deleted_at", admin.EmptyFieldListFilter), "brand")
    list_select_related = ("customer",)
    search_fields = ("customer__name", "last4", "key")
    exclude = ("token",)


@admin.register(CardSetup)
class CardSetupAdmin(LookOnly, ModelAdmin):
    list_display = ("key", "customer", "user", "gateway", "payment_method", "created_at")
    list_select_related = ("customer", "user", "payment_method")
    search_fields = ("key", "gateway_id", "customer__name")


@admin.register(ApiToken)
class ApiTokenAdmin(LookOnly, ModelAdmin):
    list_display = ("name", "prefix", "customer", "created_by", "created_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), ("customer", admin.EmptyFieldListFilter))
    list_select_related = ("customer", "created_by")
    search_fields = ("name", "prefix", "customer__name")
    exclude = ("digest",)
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_apitoken")

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: "QuerySet[ApiToken]") -> None:
        for token in queryset:
            revoke_api_token(token=token, at=now(), actor=cast("User", request.user))


@admin.register(AuditEntry)
class AuditEntryAdmin(LookOnly, ModelAdmin):
    list_display = ("at", "actor", "action", "subject", "customer", "reason")
    list_filter = ("action",)
    list_select_related = ("actor", "customer")
    search_fields = ("subject", "actor__email", "customer__name")
    date_hierarchy = "at"
    ordering = ("-at", "-pk")


@admin.register(Notice)
class NoticeAdmin(LookOnly, ModelAdmin):
    list_display = ("key", "template", "customer", "created_at", "sent_at", "attempts", "retry_at")
    list_filter = (("sent_at", admin.EmptyFieldListFilter), "template")
    list_select_related = ("customer",)
    search_fields = ("key", "customer__name", "to")
    ordering = ("-created_at", "-pk")


@admin.register(SandboxIntent)
class SandboxIntentAdmin(LookOnly, ModelAdmin):
    list_display = ("intent_id", "idempotency_key", "amount", "currency", "status", "decline_code", "created_at")
    list_filter = ("status",)
    search_fields = ("intent_id", "idempotency_key")
    exclude = ("token",)
    ordering = ("-created_at", "-pk")


@admin.register(SandboxSession)
class SandboxSessionAdmin(LookOnly, ModelAdmin):
    list_display = ("session_id", "card", "brand", "last4", "created_at")
    search_fields = ("session_id",)
    exclude = ("token",)
    ordering = ("-created_at", "-pk")
