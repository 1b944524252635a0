"""«Billing and Usage»: what am I on, what did I use, what will leave my account, when, and will it work."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.access import PortalRequest, billing_page, can_write, customer_now, describe
from accounts.gateways.declines import decline_message
from accounts.models import Customer, PaymentMethod, PaymentPolicy
from accounts.selectors import billing_admins, default_payment_methods
from billing_portal.pages.alerts import Standing
from billing_portal.pages.overview_credits import CreditState, credit_warnings, read_credits
from core import formats
from core.periods import utc_day
from invoices.selectors import read_payments, unsettled
from invoices.showing import is_past_due, last_payment, unresolved
from invoices.showing_overdue import next_try_sentence
from invoices.taxing import TaxText, row_texts, tax_texts
from plans.selectors.projecting import Projection, projection
from plans.selectors.spending import spending_of
from plans.selectors.upcoming import UpcomingInvoice, UsageToDate, running, upcoming_invoice, usage_to_date
from plans.words import card_price

if TYPE_CHECKING:
    from invoices.models import Invoice


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the page shows, read once."""

    customer: Customer
    upcoming: UpcomingInvoice
    usage: UsageToDate
    card: PaymentMethod | None
    unpaid: "list[Invoice]"
    projection: Projection | None
    credits: CreditState | None = None
    standing: Standing | None = None

    @property
    def credits_only(self) -> bool:
        """Whether nothing but credit pays: then no card is ever asked for."""
        return self.upcoming.subscription.plan.terms().is_credit_only

    @property
    def plan_name(self) -> str:
        return f"{settings.PRODUCT_NAME} {self.upcoming.subscription.plan.name}"

    @property
    def prices(self) -> list[tuple[str, str]]:
        """(what, price in words) of the plan the customer is on."""
        terms = self.upcoming.subscription.plan.terms()
        return [(card.name, card_price(card, terms.currency)) for card in terms.cards]

    @property
    def bills(self) -> bool:
        """Whether anything can ever be charged on this plan."""
        return self.upcoming.billing_on is not None

    @property
    def taxes(self) -> tuple[TaxText, ...]:
        """Every tax row of the upcoming invoice."""
        upcoming = self.upcoming
        return tax_texts(upcoming.draft) if upcoming.draft else row_texts(upcoming.totals.taxes, upcoming.currency)

    @property
    def by_contract(self) -> bool:
        return self.customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT

    @property
    def says_too_little(self) -> bool:
        """Whether usage is billed and there is not enough of it yet to project."""
        prices = self.upcoming.subscription.plan.terms().metered
        missing = self.projection is None and self.upcoming.draft is None
        return self.upcoming.has_document and missing and any(price.is_priced for price in prices)

    @property
    def late(self) -> "list[Invoice]":
        """Invoices that are past due."""
        today = utc_day(self.upcoming.as_of)
        return [invoice for invoice in self.unpaid if is_past_due(invoice, today)]

    @property
    def can_cancel(self) -> bool:
        return not self.by_contract and not self.upcoming.subscription.plan.is_default

    @property
    def card_expires_before(self) -> bool:
        """Whether the default card is out of date on the billing date: it can be told today."""
        due = self.upcoming.billing_on
        card = self.card
        return bool(card and due and (card.exp_year, card.exp_month) < (due.year, due.month))

    @property
    def dates(self) -> list[dict[str, Any]]:
        """Key dates as the component takes them; the next one is marked."""
        today = utc_day(self.upcoming.as_of)
        rows = [{"text": text, "on": on, "past": on < today} for text, on in self.upcoming.key_dates]
        following = next((row for row in rows if not row["past"]), None)
        return [{**row, "next": row is following} for row in rows]


def read_overview(customer: Customer, at: datetime) -> Overview:
    now = running(customer, at)
    documents = unsettled(customer.pk)
    read_payments(documents.unpaid)
    plan = now.subscription.plan
    state = read_credits(
        customer.pk,
        currency=plan.currency,
        credits_only=plan.terms().is_credit_only,
        blocks=plan.blocks_at_zero,
        at=at,
    )
    upcoming = upcoming_invoice(now, documents, has_credit=state is not None)
    usage, projected = usage_to_date(now), projection(now, upcoming)
    return Overview(
        customer=customer,
        upcoming=upcoming,
        usage=usage,
        card=default_payment_methods([customer.pk]).get(customer.pk),
        unpaid=documents.unpaid,
        projection=projected,
        credits=state,
        standing=Standing(spending_of(upcoming, usage, projected)),
    )


@require_safe
@billing_page()
def billing_overview(request: PortalRequest) -> HttpResponse:
    return show_overview(request)


def show_overview(request: PortalRequest) -> HttpResponse:
    overview = read_overview(request.customer, customer_now(request.customer))
    context = {
        "overview": overview,
        "banners": banners(overview),
        "can_write": can_write(request.membership),
        "admins": []
        if can_write(request.membership)
        else [describe(user) for user in billing_admins(request.customer)],
    }
    return render(request, "billing_portal/overview.html", context)


@require_safe
@billing_page()
def billing_usage_panel(request: PortalRequest) -> HttpResponse:
    """The usage panel alone for htmx; as a plain address it is the whole page."""
    return panel(request, "usage")


@require_safe
@billing_page()
def billing_upcoming(request: PortalRequest) -> HttpResponse:
    """The upcoming invoice alone for htmx; as a plain address it is the whole page."""
    return panel(request, "upcoming")


def panel(request: PortalRequest, name: str) -> HttpResponse:
    if not request.htmx:
        return show_overview(request)
    overview = read_overview(request.customer, customer_now(request.customer))
    context = {"overview": overview, "refreshed": True}
    return render(request, f"billing_portal/overview.html#{name}", context)


def banners(overview: Overview) -> list[dict[str, Any]]:
    """What needs to be known now, the most severe first."""
    credit = credit_warnings(overview.credits, credits_only=overview.credits_only)
    found = [*overdue(overview), *credit, *card_warnings(overview), *coming_change(overview)]
    if overview.by_contract:
        found.append({"level": "info", "text": "Your plan is managed under a contract."})
    elif (draft := overview.upcoming.draft) and overview.upcoming.amount_due:
        found.append({"level": "info", "text": announcement(overview, draft)})
    return found


def overdue(overview: Overview) -> list[dict[str, Any]]:
    """What was declined or is past due: why, when it is tried again, and what to do."""
    today = utc_day(overview.upcoming.as_of)
    found = [banner for invoice in overview.unpaid if (banner := _overdue_banner(invoice, today))]
    if overview.upcoming.subscription.is_held:
        text = f"Access to {overview.plan_name} is refused until everything overdue is paid; then it works by itself."
        found.insert(0, {"level": "danger", "title": "On hold.", "text": text})
    return [{**banner, "alert": place == 0} for place, banner in enumerate(found)]


def _overdue_banner(invoice: "Invoice", today: date) -> dict[str, Any] | None:
    last = last_payment(invoice)
    if last is not None and last.status == "declined":
        title, text = (
            "Payment failed.",
            (
                f"We couldn't charge {formats.money(last.amount, last.currency)} to {last.payment_method} on "
                f"{formats.day(utc_day(last.created_at))}. {decline_message(last.decline_code)} "
                f"{next_try_sentence(invoice, last)}"
            ),
        )
    elif is_past_due(invoice, today) and unresolved(invoice) is None and invoice.due_on:
        amount = formats.money(invoice.amount_due, invoice.currency)
        title, text = "Past due.", f"{invoice.number} over {amount} was due on {formats.day(invoice.due_on)}."
    else:
        return None
    return {
        "level": "danger",
        "title": title,
        "text": text.strip(),
        "url": reverse("invoice", args=[invoice.public_id]),
        "label": "View invoice",
        "more_url": reverse("portal") + "#payment-methods",
        "more_label": "Update payment method",
    }


def coming_change(overview: Overview) -> list[dict[str, Any]]:
    """Staff have scheduled another plan: what is shown is of today's."""
    own: Any = overview.upcoming.subscription  # read with what comes after it
    if own.coming_at is None:
        return []
    name = f"{settings.PRODUCT_NAME} {own.coming_plan}, price list v{own.coming_version}"
    text = f"{name} takes the place of your plan. The figures on this page are those of the plan you are on now."
    return [{"level": "info", "title": f"Your plan changes on {formats.day(utc_day(own.coming_at))}.", "text": text}]


def card_warnings(overview: Overview) -> list[dict[str, Any]]:
    """Said before the date: the next payment cannot work."""
    billing_on = overview.upcoming.billing_on
    if billing_on is None or overview.by_contract or not overview.upcoming.has_document:
        return []
    add = {"level": "warning", "url": reverse("pm_add"), "label": "Add a payment method"}
    plan = overview.upcoming.subscription.plan.name
    if overview.card is None:
        return [{**add, "text": f"There is no payment method for your next payment on {formats.day(billing_on)}. "
                                f"Add one to keep {plan}."}]  # fmt: skip
    if overview.card_expires_before:
        expires = f"{overview.card.exp_month:02d}/{overview.card.exp_year}"
        return [{**add, "text": f"{overview.card} expires {expires}, before your next payment."}]
    return []


def announcement(overview: Overview, draft: "Invoice") -> str:
    total, on = formats.money(overview.upcoming.amount_due, draft.currency), formats.day(draft.billing_on)
    if overview.card is None:
        return f"Charges for this period are final: {total}, billed on {on}."
    return f"Charges for this period are final: {total}. We'll charge {overview.card} on {on}."
