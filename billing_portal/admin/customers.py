"""The customer page of staff: a header with the facts that matter, and tabs that are links."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_safe

from accounts.access import customer_now
from accounts.clocks import may_have_clock
from accounts.countries import country_names
from accounts.details import attached_words
from accounts.models import Customer, Membership, Role, UsageSubject
from accounts.roles import READ
from accounts.sales import sales_contact
from accounts.selectors import billing_profile, default_payment_methods, members
from accounts.staff import render_staff
from billing_portal.admin.access import customer_page
from billing_portal.pages.attempting import attempt
from billing_portal.pages.overview import Overview, read_overview
from core import formats
from core.periods import utc_day
from credits.selectors import Balance, balances
from invoices.selectors import documents_page, read_payments, unpaid, waiting_lines
from invoices.showing import is_past_due
from invoices.showing import row as invoice_row
from invoices.showing_overdue import for_staff
from plans.exceptions import NoSubscriptionError
from plans.selectors import current_subscription, running, usage_to_date
from plans.selectors.catalogue import current_spell
from plans.selectors.overdue import dunning_of_customer
from plans.selectors.scheduling import scheduled_change
from plans.words import card_price

if TYPE_CHECKING:
    from invoices.models import Invoice
    from plans.models import Subscription
    from plans.selectors.used import UsageToDate

# (label, name of the URL) in the order of the tab bar
TABS = (
    (gettext_lazy("Overview"), "customer"),
    (gettext_lazy("Subscriptions"), "customer_subscriptions"),
    (gettext_lazy("Credits"), "customer_credits"),
    (gettext_lazy("Invoices"), "customer_invoices"),
    (gettext_lazy("Usage"), "customer_usage"),
    (gettext_lazy("Audit"), "customer_audit"),
)
PAGE = 50


@dataclass(frozen=True, slots=True)
class Header:
    """What stands above every tab; amounts as text, one per currency."""

    subscription: "Subscription | None"
    balance: str
    overdue: str
    unpaid: "tuple[Invoice, ...]"
    dunning: tuple[str, ...] = ()

    @property
    def plan(self) -> str:
        return str(self.subscription.plan) if self.subscription else gettext("No plan yet")


def header_of(customer: Customer, at: datetime, subscription: "Subscription | None" = None) -> Header:
    """`subscription`: the open one, where somebody has read it already with its cards."""
    owed = unpaid(customer.pk)
    read_payments(owed)
    return _header(subscription or current_spell(customer.pk), balances(customer.pk, at), owed, at)


def _header_from(overview: Overview, at: datetime) -> Header:
    """The same out of what is read already."""
    held = overview.credits.balances if overview.credits else ()
    return _header(overview.subscription, held, overview.unpaid, at)


def _header(
    subscription: "Subscription | None", held: Iterable[Balance], owed: "Iterable[Invoice]", at: datetime
) -> Header:
    invoices = tuple(owed)
    late = [invoice for invoice in invoices if is_past_due(invoice, utc_day(at))]
    return Header(
        subscription=subscription,
        balance=", ".join(formats.money(each.available, each.currency) for each in held),
        overdue=_sums([(each.currency, each.amount_due) for each in late]),
        unpaid=invoices,
        dunning=tuple(for_staff(dunning_of_customer(late[0].customer_id, at))) if late else (),
    )


def _sums(amounts: list[tuple[str, int]]) -> str:
    """One sum per currency, never added up; empty where there is nothing."""
    sums: dict[str, int] = {}
    for currency, amount in amounts:
        sums[currency] = sums.get(currency, 0) + amount
    return ", ".join(formats.money(amount, currency) for currency, amount in sorted(sums.items()))


def render_customer(
    request: HttpRequest,
    customer: Customer,
    template: str,
    context: Mapping[str, Any],
    status: int | None = None,
    *,
    header: Header | None = None,
) -> HttpResponse:
    """One tab of the customer page. The template extends `admin/customer_base.html` and fills its block `tab`.

    The current tab is told by the URL's name, which begins with that of the tab. `customer` and `header` are in the
    context, `staff` and `explain_for` for what customers' own pages share; `title` and `tab_title` may be given.
    """
    at = customer_now(customer)
    name = (request.resolver_match.url_name or "") if request.resolver_match else ""
    current = max((url for _label, url in TABS if name.startswith(url)), key=len, default="customer")
    tabs = [{"label": label, "url_name": url, "is_current": url == current} for label, url in TABS]
    label = next(tab["label"] for tab in tabs if tab["is_current"])
    base = {
        "customer": customer,
        "header": header or header_of(customer, at),
        "tabs": tabs,
        "staff": True,
        "explain_for": customer.key,
        "sales_contact": sales_contact(customer),
        "may_have_clock": may_have_clock(customer),
        "as_of": at,
        "tab_title": label,
    }
    return render_staff(request, template, {**base, "title": f"{label} – {customer.name}", **context}, status)


@require_safe
@customer_page(READ)
def customer_overview(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Plan, billing details, what is unpaid, and who is who; the next payment fills itself in (`customer_upcoming`)."""
    at = customer_now(customer)
    header = header_of(customer, at, current_subscription(customer.pk))
    plan = header.subscription.plan if header.subscription else None
    profile, people = billing_profile(customer), members(customer)
    card = default_payment_methods([customer.pk]).get(customer.pk)
    context = {
        "prices": [(card.name, card_price(card, plan.currency)) for card in plan.terms().cards] if plan else [],
        "unpaid": [invoice_row(invoice, utc_day(at)) for invoice in header.unpaid],
        "profile": profile,
        "country": country_names().get(profile.country, profile.country),
        "recipients": profile.recipients or [row.user.email for row in people if _gets_mail(row)],
        "attached": attached_words(profile),
        "subjects": UsageSubject.objects.filter(customer=customer).order_by("pk"),
        "members": people,
        "card": card,
        "card_has_expired": bool(card and card.has_expired(utc_day(at))),
        "scheduled": scheduled_change(customer.pk),
    }
    return render_customer(request, customer, "admin/customer_overview.html", context, header=header)


@require_safe
@customer_page(READ)
def customer_upcoming(request: HttpRequest, customer: Customer) -> HttpResponse:
    """The next payment as the customer's own overview tells it: alone for htmx, else a page."""
    at = customer_now(customer)
    try:
        overview = read_overview(customer, at)
    except NoSubscriptionError:
        raise Http404 from None
    if getattr(request, "htmx", False):
        context = {"overview": overview, "customer": customer, "staff": True, "explain_for": customer.key}
        return render(request, "admin/_next_payment.html", context)
    header = _header_from(overview, at)
    return render_customer(request, customer, "admin/customer_upcoming.html", {"overview": overview}, header=header)


def _gets_mail(member: Membership) -> bool:
    """Whether documents go to them where the profile names nobody."""
    return member.role == Role.BILLING_ADMIN and member.user.is_active


@require_safe
@customer_page(READ)
def customer_invoices(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Every document, drafts included, newest first; and what waits for the next one."""
    today, before = utc_day(customer_now(customer)), request.GET.get("before", "")
    rows, cursor = documents_page(customer.pk, before, PAGE)
    context = {
        "rows": [invoice_row(invoice, today) for invoice in rows],
        "waiting": waiting_lines(customer.pk),
        "older_url": f"?before={cursor}" if cursor else "",
        "newer_url": "?" if before else "",
    }
    return render_customer(request, customer, "admin/customer_invoices.html", context)


@require_safe
@customer_page(READ)
def customer_usage(request: HttpRequest, customer: Customer) -> HttpResponse:
    """What was used in the running usage window, and what it comes to."""
    at = customer_now(customer)
    subscription = current_subscription(customer.pk)
    context = {
        "usage": attempt(_usage, customer, at, subscription) if subscription else None,
        "has_plan": subscription is not None,
        "credits_only": bool(subscription and subscription.plan.terms().is_credit_only),
    }
    header = header_of(customer, at, subscription)
    return render_customer(request, customer, "admin/customer_usage.html", context, header=header)


def _usage(customer: Customer, at: datetime, subscription: "Subscription") -> "UsageToDate":
    return usage_to_date(running(customer, at, subscription))
