"""The customer page of staff: a header with the facts that matter, and tabs that are links."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.models import Customer
from accounts.staff import render_staff
from billing_portal.admin.access import customer_page
from core import clock, formats
from core.periods import utc_day
from invoices.selectors import unpaid
from invoices.showing import is_past_due
from plans.selectors import current_subscription

# (label, name of the URL) in the order of the tab bar
TABS = (
    ("Overview", "customer"),
    ("Credits", "customer_credits"),
)


@dataclass(frozen=True, slots=True)
class Header:
    """What stands above every tab; amounts as text."""

    plan: str
    balance: str
    overdue: str
    unpaid: str


def customer_now(customer: Customer) -> datetime:
    """The customer's present: their own clock where one is set."""
    return customer.clock_at or clock.now()


def header_of(customer: Customer, at: datetime) -> Header:
    subscription = current_subscription(customer.pk)
    owed = unpaid(customer.pk)
    late = [invoice for invoice in owed if is_past_due(invoice, utc_day(at))]
    return Header(
        plan=str(subscription.plan) if subscription else "No plan yet",
        balance="",
        overdue=_sums([(each.currency, each.amount_due) for each in late]),
        unpaid=_sums([(each.currency, each.amount_due) for each in owed]),
    )


def _sums(amounts: list[tuple[str, int]]) -> str:
    """One sum per currency, never added up; empty where there is nothing."""
    sums: dict[str, int] = {}
    for currency, amount in amounts:
        sums[currency] = sums.get(currency, 0) + amount
    return ", ".join(formats.money(amount, currency) for currency, amount in sorted(sums.items()))


def render_customer(
    request: HttpRequest, customer: Customer, template: str, context: Mapping[str, Any], status: int | None = None
) -> HttpResponse:
    """One tab of the customer page. The template extends `admin/customer_base.html` and fills its block `tab`.

    The current tab is told by the URL's name, which begins with that of the tab. `customer` and `header` are in the
    context; `title` and `tab_title` may be given.
    """
    at = customer_now(customer)
    name = (request.resolver_match.url_name or "") if request.resolver_match else ""
    current = max((url for _label, url in TABS if name.startswith(url)), key=len, default="customer")
    tabs = [{"label": label, "url_name": url, "is_current": url == current} for label, url in TABS]
    label = next(tab["label"] for tab in tabs if tab["is_current"])
    base = {"customer": customer, "header": header_of(customer, at), "tabs": tabs, "as_of": at, "tab_title": label}
    return render_staff(request, template, {**base, "title": f"{label} – {customer.name}", **context}, status)


@require_safe
@customer_page
def customer_overview(request: HttpRequest, customer: Customer) -> HttpResponse:
    return render_customer(request, customer, "admin/customer_overview.html", {})
