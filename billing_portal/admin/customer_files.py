"""«Download CSV» of the customer page's tabs: every row of the tab, all pages of it."""

from decimal import Decimal
from functools import wraps

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path
from django.views.decorators.http import require_GET

from accounts.access import customer_now
from accounts.admin import AUDIT_COLUMNS
from accounts.exporting import export_file, export_rows
from accounts.models import AuditEntry, Customer
from accounts.roles import EXPORT, READ, check_may
from billing_portal.admin.access import CustomerView, KeyView, customer_page
from core.money import to_major
from core.spreadsheet import Cell
from credits import presenting, selectors
from invoices.exporting import INVOICE_COLUMNS, with_amount_due
from invoices.selectors import invoices_to_export
from plans.selectors import current_subscription, running, usage_to_date
from plans.selectors.exporting import SUBSCRIPTION_COLUMNS, subscriptions_to_export
from plans.selectors.used import UsageToDate

USAGE_COLUMNS = (
    "feature", "name", "window_starts_at", "window_ends_at", "as_of", "quantity", "unit", "included", "billable",
    "amount", "currency",
)  # fmt: skip


def customer_file(view: CustomerView[[]]) -> KeyView[[]]:
    """As `customer_page`: what somebody may look at (READ) is taken away by who may export, too – the Catalog Manager
    exports, but sees nothing of customers."""

    @wraps(view)
    def checked(request: HttpRequest, customer: Customer) -> HttpResponseBase:
        check_may(request.user, EXPORT)
        return view(request, customer)

    return customer_page(READ)(checked)


@require_GET
@customer_file
def customer_invoices_csv(request: HttpRequest, customer: Customer) -> HttpResponseBase:
    rows = with_amount_due(invoices_to_export(customer.pk))
    return export_rows(request, rows, INVOICE_COLUMNS, customer=customer)


@require_GET
@customer_file
def customer_subscriptions_csv(request: HttpRequest, customer: Customer) -> HttpResponseBase:
    return export_rows(request, subscriptions_to_export(customer.pk), SUBSCRIPTION_COLUMNS, customer=customer)


@require_GET
@customer_file
def customer_usage_csv(request: HttpRequest, customer: Customer) -> HttpResponseBase:
    """The running window, as the tab shows it; only the header where there is no plan."""
    rows: list[list[Cell]] = []
    if current_subscription(customer.pk):
        rows = _usage_rows(usage_to_date(running(customer, customer_now(customer))))
    return export_file(request, USAGE_COLUMNS, rows, name="usage", customer=customer)


@require_GET
@customer_file
def customer_credits_grants_csv(request: HttpRequest, customer: Customer) -> HttpResponseBase:
    rows = presenting.grant_csv_rows(selectors.grants(customer.pk, customer_now(customer)))
    return export_file(request, presenting.GRANT_COLUMNS, rows, name="credit grants", customer=customer)


@require_GET
@customer_file
def customer_audit_csv(request: HttpRequest, customer: Customer) -> HttpResponseBase:
    rows = AuditEntry.objects.filter(customer=customer).order_by("-pk")
    return export_rows(request, rows, AUDIT_COLUMNS, customer=customer)


def _usage_rows(usage: UsageToDate) -> list[list[Cell]]:
    window: list[Cell] = [usage.window.start, usage.window.end, usage.as_of]
    return [
        [
            row.feature_key,
            row.name,
            *window,
            row.quantity,
            row.unit_plural,
            *(Decimal(units.numerator) / units.denominator for units in (row.included, row.billable)),
            to_major(row.amount, usage.currency),
            usage.currency,
        ]
        for row in usage.rows
    ]


CUSTOMER = "billing/customers/<str:key>/"
urlpatterns = [
    path(CUSTOMER + "invoices.csv", customer_invoices_csv, name="customer_invoices_csv"),
    path(CUSTOMER + "subscriptions.csv", customer_subscriptions_csv, name="customer_subscriptions_csv"),
    path(CUSTOMER + "usage.csv", customer_usage_csv, name="customer_usage_csv"),
    path(CUSTOMER + "credits/grants.csv", customer_credits_grants_csv, name="customer_credits_grants_csv"),
    path(CUSTOMER + "audit.csv", customer_audit_csv, name="customer_audit_csv"),
]
