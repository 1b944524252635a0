"""What staff look at. Documents and payments are read-only: they change by verbs, not by forms."""

from datetime import date
from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_lazy

from accounts.staff_filters import Currency, CustomerFilter, period_of
from accounts.staff_lists import Amount, StaffList, money_column
from core import formats
from core.clock import now
from core.periods import utc_day
from invoices import admin_corrections as admin_corrections  # registers requests for corrected invoices
from invoices import admin_crediting, admin_pages
from invoices import admin_events as admin_events  # registers events and disputes
from invoices import admin_questions as admin_questions  # registers questions about charges
from invoices import admin_sellers as admin_sellers  # registers the seller
from invoices.admin_archives import WithArchives
from invoices.admin_filters import GatewayFilter, OverdueFilter, StatusFilter
from invoices.exporting import INVOICE_COLUMNS, with_amount_due
from invoices.models import (
    CreditApplication,
    CreditStatement,
    Document,
    Invoice,
    InvoiceSequence,
    Payment,
    Refund,
)
from invoices.selectors import PAYMENTS
from invoices.showing import badge


@admin.register(Invoice)
class InvoiceAdmin(WithArchives, StaffList):
    list_display = (
        "document",
        "customer",
        "kind",
        "status_text",
        "billing_on",
        "due_on",
        "total_text",
        "due_text",
    )
    list_filter = (
        *(
            StatusFilter,
            OverdueFilter,
            "kind",
            Currency,
            "collection",
            period_of("billing_on", gettext_lazy("billing date")),
        ),
        CustomerFilter,
    )
    list_select_related = ("customer",)
    search_fields = ("^number", "^key", "=public_id", "customer")
    search_help_text = gettext_lazy("Number or its beginning, customer’s name or key")
    ordering = ("-billing_on", "-pk")
    csv_columns = INVOICE_COLUMNS
    total_text = money_column("total")

    @admin.display(description=gettext_lazy("amount due"))
    def due_text(self, invoice: Invoice) -> str:
        """Of a credit note what is left of it, below zero as its total."""
        return formats.money(-invoice.amount_due if invoice.is_credit_note else invoice.amount_due, invoice.currency)

    def get_urls(self) -> list[Any]:
        return [*admin_pages.urlpatterns, *admin_crediting.urlpatterns, *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_pages.invoice_page(request, object_id))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related(PAYMENTS)

    @admin.display(description=gettext_lazy("number"), ordering="number")
    def document(self, invoice: Invoice) -> str:
        return invoice.number or gettext("Draft")

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def status_text(self, invoice: Invoice) -> str:
        return str(badge(invoice, _today(invoice)).text)

    def csv_rows(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return with_amount_due(rows)


def _today(invoice: Invoice) -> date:
    return utc_day(invoice.customer.present(now()))


@admin.register(Payment)
class PaymentAdmin(StaffList):
    list_display = ("key", "customer", "status", "amount_text", "automatic", "created_at", "check_at", "receipt_number")
    list_filter = ("status", GatewayFilter, Currency, "automatic", period_of("created_at", "day"), CustomerFilter)
    list_select_related = ("customer",)
    search_fields = ("^key", "=public_id", "=gateway_id", "^receipt_number", "^invoice__number", "customer")
    search_help_text = gettext_lazy("Number of the invoice or receipt, customer’s name or key, the gateway’s reference")
    ordering = ("-pk",)
    csv_columns = (
        *("key", "invoice__number", "customer__key", "customer__name", "status", "decline_code", Amount("amount")),
        *("currency", "gateway", "gateway_id", "payment_method__brand", "payment_method__last4", "automatic"),
        *("created_at", "settled_at", "receipt_number", "method", "reference", "received_on"),
    )
    amount_text = money_column("amount")

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_pages.payment_page(request, object_id))


@admin.register(Refund)
class RefundAdmin(StaffList):
    list_display = ("key", "customer", "status", "amount_text", "created_at", "settled_at", "check_at")
    list_filter = ("status", Currency, period_of("created_at", "day"), CustomerFilter)
    list_select_related = ("customer",)
    search_fields = ("^key", "=public_id", "^credit_note__number", "^payment__receipt_number", "customer")
    ordering = ("-pk",)
    csv_columns = (
        *("key", "credit_note__number", "payment__key", "customer__key", "customer__name", "status", "failure_code"),
        *(Amount("amount"), "currency", "created_at", "settled_at", "method", "reference", "paid_on"),
    )
    amount_text = money_column("amount")


@admin.register(CreditApplication)
class CreditApplicationAdmin(StaffList):
    list_display = ("key", "credit_note", "invoice", "amount_text", "at")
    list_filter = (period_of("at", "day"),)
    list_select_related = ("credit_note", "invoice")
    search_fields = ("^key", "^credit_note__number", "^invoice__number")
    ordering = ("-pk",)
    csv_columns = (
        *("key", "credit_note__number", "invoice__number", "invoice__customer__key"),
        *(Amount("amount", "invoice__currency"), "invoice__currency", "at"),
    )

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def amount_text(self, part: CreditApplication) -> str:
        return formats.money(part.amount, part.invoice.currency)


@admin.register(Document)
class DocumentAdmin(StaffList):
    list_display = ("filename", "kind", "invoice", "sha256", "created_at")
    list_filter = ("kind", period_of("created_at", "day"))
    list_select_related = ("invoice",)
    search_fields = ("^filename", "^invoice__number", "=sha256")
    fields = ("kind", "invoice", "payment", "statement", "filename", "sha256", "created_at")
    ordering = ("-pk",)
    csv_columns = ("filename", "kind", "invoice__number", "payment__receipt_number", "sha256", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("content")


@admin.register(CreditStatement)
class CreditStatementAdmin(StaffList):
    list_display = ("customer", "currency", "period_start", "period_end", "opening_text", "closing_text", "created_at")
    list_filter = (Currency, period_of("period_end", gettext_lazy("end of the period")), CustomerFilter)
    list_select_related = ("customer",)
    search_fields = ("=public_id", "customer")
    ordering = ("-pk",)
    csv_columns = (
        *("public_id", "customer__key", "customer__name", "currency", "period_start", "period_end"),
        *(Amount("opening"), Amount("closing"), "created_at"),
    )
    opening_text = money_column("opening")
    closing_text = money_column("closing")


@admin.register(InvoiceSequence)
class InvoiceSequenceAdmin(StaffList):
    list_display = ("seller", "series", "year", "last")
    list_filter = ("seller", "series", "year")
    list_select_related = ("seller",)
    csv_columns = ("seller__key", "series", "year", "last")
