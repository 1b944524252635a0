"""Staff's view of this room. What the books rest on is read-only: it is changed by verbs, or never."""

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy

from accounts import admin_notices
from accounts.models import (
    ApiToken,
    AuditEntry,
    CardSetup,
    Customer,
    Notice,
    PaymentMethod,
    User,
)
from accounts.selectors import PARTY_FIELDS
from accounts.services.revoke_api_token import revoke_api_token
from accounts.staff_filters import Currency, CustomerFilter, HappenedFilter, period_of, values_of
from accounts.staff_lists import (
    StaffList,
    StaffTable,
)
from core.clock import now

if TYPE_CHECKING:
    from django.db.models import QuerySet


@admin.register(User)
class PersonAdmin(StaffTable, UserAdmin):  # type: ignore[type-arg]
    ordering = ("email",)
    list_display = ("email", "first_name", "last_name", "is_staff", "last_login")
    list_filter = ("is_staff", "is_superuser", "is_active")
    search_fields = ("^email", "first_name", "last_name")
    csv_columns = (
        "email",
        "first_name",
        "last_name",
        "is_active",
        "is_staff",
        "is_superuser",
        "last_login",
        "date_joined",
    )
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        (gettext_lazy("Person"), {"fields": ("first_name", "last_name")}),
        (
            gettext_lazy("Permissions"),
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        (gettext_lazy("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "usable_password", "password1", "password2")}),)


class CustomerList(ChangeList):
    """Leads to the customer page with its tabs, not to the bare row."""

    def url_for_result(self, result: Any) -> str:
        return reverse("admin:customer", args=[result.key])


class CustomerAdmin(StaffList):
    """What this room knows of the list. The roof registers it with what others know (billing_portal/admin/lists.py)."""

    list_display = ("name", "key", "payment_policy", "currency", "parked_at", "created_at")
    list_filter: ClassVar[tuple[Any, ...]] = (
        ("parked_at", HappenedFilter),
        "payment_policy",
        Currency,
        period_of("created_at", "creation"),
    )
    search_fields = ("name", "^key")
    csv_columns = (
        *("key", "name", "currency", "payment_policy", "parked_at", "parked_reason", "created_at"),
        *(f"billing_profile__{name}" for name in PARTY_FIELDS),
    )

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
class PaymentMethodAdmin(StaffList):
    list_display = ("__str__", "customer", "gateway", "exp_month", "exp_year", "is_default", "created_at", "deleted_at")
    list_filter = ("gateway", "is_default", ("deleted_at", HappenedFilter), CustomerFilter)
    list_select_related = ("customer",)
    search_fields = ("customer", "=last4", "^key")
    csv_columns = (
        *("key", "customer__key", "customer__name", "gateway", "brand", "last4", "exp_month", "exp_year", "is_default"),
        *("created_at", "deleted_at"),
    )
    exclude = ("token",)


@admin.register(CardSetup)
class CardSetupAdmin(StaffList):
    list_display = ("key", "customer", "user", "gateway", "payment_method", "created_at")
    list_filter = ("gateway", CustomerFilter)
    list_select_related = ("customer", "user", "payment_method")
    search_fields = ("^key", "^gateway_id", "customer")
    csv_columns = (
        "key",
        "customer__key",
        "customer__name",
        "user__email",
        "gateway",
        "payment_method__key",
        "created_at",
    )


@admin.register(ApiToken)
class ApiTokenAdmin(StaffList):
    list_display = ("name", "prefix", "customer", "created_by", "created_at", "revoked_at")
    list_filter = (
        ("revoked_at", HappenedFilter),
        ("customer", admin.EmptyFieldListFilter),
        CustomerFilter,
    )
    list_select_related = ("customer", "created_by")
    search_fields = ("name", "=prefix", "customer")
    csv_columns = ("name", "prefix", "customer__key", "customer__name", "created_by__email", "created_at", "revoked_at")
    exclude = ("digest",)
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_apitoken")

    @admin.action(description=gettext_lazy("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: "QuerySet[ApiToken]") -> None:
        for token in queryset:
            revoke_api_token(token=token, at=now(), actor=cast("User", request.user))


# Also what the customer page's «Audit» gives as a file.
AUDIT_COLUMNS = (
    "at", "actor__email", "action", "subject", "customer__key", "customer__name", "reason", "before", "after"
)  # fmt: skip


@admin.register(AuditEntry)
class AuditEntryAdmin(StaffList):
    list_display = ("at", "actor", "action", "subject", "customer", "reason")
    list_filter = (values_of("action"), period_of("at", "day"), CustomerFilter)
    list_select_related = ("actor", "customer")
    search_fields = ("=subject", "=actor__email", "customer")
    ordering = ("-pk",)
    csv_columns = AUDIT_COLUMNS


@admin.register(Notice)
class NoticeAdmin(StaffList):
    list_display = ("key", "template", "customer", "created_at", "sent_at", "attempts", "retry_at")
    list_filter = (("sent_at", HappenedFilter), period_of("created_at", "creation"), CustomerFilter)
    list_select_related = ("customer",)
    search_fields = ("^key", "customer")
    ordering = ("-pk",)
    csv_columns = (
        *("key", "template", "customer__key", "customer__name", "to", "created_at", "sent_at", "attempts", "retry_at"),
        "last_error",
    )

    def get_urls(self) -> list[Any]:
        return [*admin_notices.urlpatterns, *super().get_urls()]
