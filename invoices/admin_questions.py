"""«Questions»: what customers ask about a charge. They are answered by e-mail, and marked here."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from accounts.staff_filters import CustomerFilter, HappenedFilter, period_of
from accounts.staff_lists import Amount, StaffList, money_column
from invoices.models import ChargeQuestion


@admin.register(ChargeQuestion)
class ChargeQuestionAdmin(StaffList):
    list_display = ("public_id", "customer", "title", "amount_text", "asked_at", "answered_at", "answered_by")
    list_filter = (("answered_at", HappenedFilter), period_of("asked_at", "day"), CustomerFilter)
    list_select_related = ("customer", "answered_by")
    search_fields = ("=public_id", "customer")
    search_help_text = gettext_lazy("Reference, customer’s name or key")
    ordering = ("-answered_at", "-pk")  # in PostgreSQL the open ones come first
    csv_columns = (
        *("public_id", "customer__key", "customer__name", "line_key", "title", "starts_at", "ends_at"),
        *(Amount("amount"), "currency", "message", "asked_at", "asked_by__email", "answered_at", "answered_by__email"),
    )
    amount_text = money_column("amount")
