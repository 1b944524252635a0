"""What staff look at. Documents and payments are read-only: they change by verbs, not by forms."""

from typing import Any, ClassVar, cast

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from accounts.admin import LookOnly, ModelAdmin, TabularInline
from core import formats
from invoices import admin_crediting, admin_pages
from invoices.admin_archives import WithArchives
from invoices.models import (
    CreditApplication,
    CreditStatement,
    Document,
    Invoice,
    InvoiceSequence,
    Payment,
    Refund,
    Seller,
    TaxRate,
)


@admin.register(Invoice)
class InvoiceAdmin(WithArchives, LookOnly, ModelAdmin):
    list_display = (
        "__str__",
        "customer",
        "kind",
        "status",
        "billing_on",
        "issued_on",
        "due_on",
        "total_text",
        "due_text",
    )
    list_filter = ("kind", "status", "collection", "currency", "seller", "issued_on")
    list_select_related = ("customer",)
    search_fields = ("number", "key", "public_id", "customer__name", "customer__key")
    date_hierarchy = "billing_on"
    ordering = ("-billing_on", "-pk")

    def get_urls(self) -> list[Any]:
        return [*admin_pages.urlpatterns, *admin_crediting.urlpatterns, *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_pages.invoice_page(request, object_id))

    @admin.display(description="total", ordering="total")
    def total_text(self, invoice: Invoice) -> str:
        return formats.money(invoice.total, invoice.currency)

    @admin.display(description="amount due")
    def due_text(self, invoice: Invoice) -> str:
        return formats.money(invoice.amount_due, invoice.currency)


@admin.register(Payment)
class PaymentAdmin(LookOnly, ModelAdmin):
    list_display = ("key", "customer", "status", "amount_text", "automatic", "created_at", "check_at", "receipt_number")
    list_filter = ("status", "automatic", "gateway", "currency", "created_at")
    list_select_related = ("customer",)
    search_fields = ("key", "public_id", "gateway_id", "receipt_number", "customer__name", "invoice__number")
    ordering = ("-pk",)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", admin_pages.payment_page(request, object_id))

    @admin.display(description="amount", ordering="amount")
    def amount_text(self, payment: Payment) -> str:
        return formats.money(payment.amount, payment.currency)


@admin.register(Refund)
class RefundAdmin(LookOnly, ModelAdmin):
    list_display = ("key", "customer", "status", "amount_text", "created_at", "settled_at", "check_at")
    list_filter = ("status", "currency", "created_at")
    list_select_related = ("customer",)
    search_fields = ("key", "public_id", "customer__name", "credit_note__number", "payment__receipt_number")
    ordering = ("-pk",)

    @admin.display(description="amount", ordering="amount")
    def amount_text(self, refund: Refund) -> str:
        return formats.money(refund.amount, refund.currency)


@admin.register(CreditApplication)
class CreditApplicationAdmin(LookOnly, ModelAdmin):
    list_display = ("key", "credit_note", "invoice", "amount_text", "at")
    list_select_related = ("credit_note", "invoice")
    search_fields = ("key", "credit_note__number", "invoice__number")
    ordering = ("-pk",)

    @admin.display(description="amount", ordering="amount")
    def amount_text(self, part: CreditApplication) -> str:
        return formats.money(part.amount, part.invoice.currency)


@admin.register(Document)
class DocumentAdmin(LookOnly, ModelAdmin):
    list_display = ("filename", "kind", "invoice", "sha256", "created_at")
    list_filter = ("kind", "created_at")
    list_select_related = ("invoice",)
    search_fields = ("filename", "invoice__number", "sha256")
    fields = ("kind", "invoice", "payment", "statement", "filename", "sha256", "created_at")
    ordering = ("-pk",)


@admin.register(CreditStatement)
class CreditStatementAdmin(LookOnly, ModelAdmin):
    list_display = ("customer", "currency", "period_start", "period_end", "opening_text", "closing_text", "created_at")
    list_filter = ("currency", "period_end")
    list_select_related = ("customer",)
    search_fields = ("public_id", "customer__name", "customer__key")
    ordering = ("-period_end", "-pk")

    @admin.display(description="opening", ordering="opening")
    def opening_text(self, statement: CreditStatement) -> str:
        return formats.money(statement.opening, statement.currency)

    @admin.display(description="closing", ordering="closing")
    def closing_text(self, statement: CreditStatement) -> str:
        return formats.money(statement.closing, statement.currency)


@admin.register(InvoiceSequence)
class InvoiceSequenceAdmin(LookOnly, ModelAdmin):
    list_display = ("seller", "series", "year", "last")
    list_filter = ("seller", "series", "year")


class TaxRateInline(TabularInline):
    model = TaxRate
    extra = 0


@admin.register(Seller)
class SellerAdmin(ModelAdmin):
    """May be edited: issued documents keep their own copy."""

    list_display = ("legal_name", "key", "country", "tax_id", "number_prefix")
    inlines: ClassVar = [TaxRateInline]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
