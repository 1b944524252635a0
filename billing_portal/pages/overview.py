"""«Billing and Usage»: what am I on, what did I use, what will leave my account, when, and will it work."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_safe

from accounts.access import PortalRequest, billing_page, can_write, customer_now, describe
from accounts.models import Customer, PaymentMethod, PaymentPolicy
from accounts.selectors import billing_admins
from billing_portal.pages.alerts import Standing
from billing_portal.pages.attempting import attempt
from billing_portal.pages.overview_chart import Chart
from billing_portal.pages.overview_credits import CreditState, read_credits
from billing_portal.pages.overview_notices import banners, for_readers
from core.periods import utc_day
from invoices.previewing import Credit
from invoices.selectors import read_payments, unsettled
from invoices.showing import is_past_due, unresolved
from invoices.taxing import TaxText, row_texts, tax_texts
from plans.forms import LeavingForm
from plans.selectors.catalogue import quote_of
from plans.selectors.estimating import Estimate, estimate_or_none, lately, next_plan
from plans.selectors.projecting import Prospects, prospects, thin_days
from plans.selectors.spending import spending_of
from plans.selectors.upcoming import UpcomingInvoice, open_subscription, running_days, upcoming_invoice
from plans.selectors.used import UsageToDate, usage_to_date
from plans.selectors.watermarks import looked_at
from plans.words import card_price

if TYPE_CHECKING:
    from invoices.models import Invoice
    from plans.models import Subscription
    from plans.selectors.projecting import Projection


SERVICE_UNAVAILABLE = 503
NOTHING = Prospects(None, None)


class Badge(NamedTuple):
    text: str
    level: str


@dataclass(frozen=True)
class Overview:
    """Everything the page shows, read once. `usage`, `upcoming`: None where they could not be worked out just now."""

    customer: Customer
    subscription: "Subscription"
    as_of: datetime
    upcoming: UpcomingInvoice | None
    usage: UsageToDate | None
    unpaid: "list[Invoice]"
    ahead: Prospects = NOTHING
    lacking_days: int | None = None
    credits: CreditState | None = None
    standing: Standing | None = None
    estimate: Estimate | None = None

    @property
    def card(self) -> PaymentMethod | None:
        """The default card, where an invoice comes that it may pay."""
        return self.subscription.default_card if self.has_document else None

    @property
    def credits_only(self) -> bool:
        """Whether nothing but credit pays: then no card is ever asked for."""
        return self.subscription.plan.terms().is_credit_only

    @property
    def plan_name(self) -> str:
        return f"{settings.PRODUCT_NAME} {self.subscription.plan.name}"

    @property
    def prices(self) -> list[tuple[str, str]]:
        """(what, price in words) of the plan the customer is on."""
        terms = self.subscription.plan.terms()
        return [(card.name, card_price(card, terms.currency)) for card in terms.cards]

    @property
    def charges(self) -> bool:
        """Whether a customer on the plan can owe anything."""
        return self.subscription.plan.terms().is_priced

    @property
    def is_billed_at_once(self) -> bool:
        """Whether something of the plan was due when it began."""
        return any(fee.amount and fee.timing != "in_arrears" for fee in self.subscription.plan.terms().fees)

    @property
    def is_paid_by_card(self) -> bool:
        """Whether the default card pays what comes: an invoice under a contract is paid by transfer."""
        return self.card is not None and not self.by_contract

    @property
    def has_document(self) -> bool:
        """Whether an invoice comes, also where it could not be worked out."""
        if self.upcoming is not None:
            return self.upcoming.has_document
        return self.subscription.next_billing_on is not None and not self.credits_only

    @property
    def taxes(self) -> tuple[TaxText, ...]:
        """Every tax row of the upcoming invoice."""
        upcoming = self.upcoming
        if upcoming is None:
            return ()
        return tax_texts(upcoming.draft) if upcoming.draft else row_texts(upcoming.totals.taxes, upcoming.currency)

    @property
    def by_contract(self) -> bool:
        return self.customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT

    @property
    def is_delayed(self) -> bool:
        """Whether usage that ordinarily comes has not come."""
        return self.usage is not None and self.usage.is_delayed

    @property
    def projection(self) -> "Projection | None":
        """Hidden while a day that is over may not be complete: it would be taken for a quiet one."""
        misses_days = self.usage is not None and self.usage.fresh.misses_days(self.as_of)
        return None if misses_days else self.ahead.projection

    @property
    def unprojected(self) -> str:
        """Why the total is not projected, in a sentence; empty where it is, or where nothing is to project."""
        if self.projection is not None or not self._could_project:
            return ""
        if self.ahead.projection is not None:
            return gettext("The total is not projected while usage is delayed: yesterday may not be complete yet.")
        if not self.lacking_days:
            return gettext("Not enough data to project the total yet. A tenth of the usage window must be over.")
        return ngettext(
            "Not enough data to project the total yet. One more full day is needed.",
            "Not enough data to project the total yet. %(count)d more full days are needed.",
            self.lacking_days,
        ) % {"count": self.lacking_days}

    @property
    def _could_project(self) -> bool:
        prices = self.subscription.plan.terms().metered
        upcoming = self.upcoming
        is_open = upcoming is not None and upcoming.bills_usage and upcoming.draft is None
        return is_open and any(price.is_priced for price in prices)

    @property
    def chart(self) -> Chart | None:
        """The running window as a line; None without usage, or where usage costs nothing."""
        if self.ahead.course is None or self.usage is None:
            return None
        return Chart(
            course=self.ahead.course,
            projection=self.projection,
            currency=self.usage.currency,
            budget=self.standing.amount if self.standing else None,
            billing_on=self.usage.billing_on if self.has_document and not self.credits_only else None,
        )

    @property
    def badge(self) -> Badge:
        """How the plan stands, in a word."""
        own: Any = self.subscription  # read with whether access is on hold
        states = (
            (own.is_held, Badge(gettext("On hold"), "danger")),
            (bool(self.late), Badge(gettext("Past due"), "danger")),
            (self.by_contract, Badge(gettext("Contract"), "info")),
            (self.credits_only and self.is_overdrawn, Badge(gettext("Overdrawn"), "danger")),
            (self.credits_only, Badge(gettext("Credits only"), "info")),
            (self.needs_confirmation, Badge(gettext("Action needed"), "warning")),
            (self.lacks_card, Badge(gettext("No payment method"), "warning")),
        )
        return next((badge for holds, badge in states if holds), Badge(gettext("Active"), "success"))

    @property
    def is_overdrawn(self) -> bool:
        return self.credits is not None and self.credits.is_negative

    @property
    def needs_confirmation(self) -> bool:
        """Whether a bank waits for the customer."""
        under_way = (unresolved(invoice) for invoice in self.unpaid)
        return any(payment.status == "needs_confirmation" for payment in under_way if payment)

    @property
    def late(self) -> "list[Invoice]":
        """Invoices that are past due."""
        today = utc_day(self.as_of)
        return [invoice for invoice in self.unpaid if is_past_due(invoice, today)]

    @property
    def waiting(self) -> "list[Invoice]":
        """Invoices that are to be paid and not past due."""
        late = self.late
        return [invoice for invoice in self.debts if invoice not in late]

    @property
    def debts(self) -> "list[Invoice]":
        """Invoices that are to be paid; a purchase is no debt."""
        return [invoice for invoice in self.unpaid if not invoice.is_sale]

    @property
    def can_cancel(self) -> bool:
        return not self.by_contract and not self.subscription.plan.is_default

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to pay of the announced invoice."""
        upcoming = self.upcoming
        return upcoming is not None and upcoming.draft is not None and not upcoming.amount_due

    @property
    def lacks_card(self) -> bool:
        """Whether the plan requires a card for what comes, and there is none."""
        required = self.customer.payment_policy == PaymentPolicy.REQUIRED
        return required and self.card is None and self.has_document and not self.is_settled

    @property
    def card_expires_before(self) -> bool:
        """Whether the default card is to pay and out of date on the billing date: it can be told today."""
        due = self.upcoming.billing_on if self.upcoming and self.has_document and not self.is_settled else None
        card = self.card if self.is_paid_by_card else None
        return bool(card and due and (card.exp_year, card.exp_month) < (due.year, due.month))

    @property
    def dates(self) -> list[dict[str, Any]]:
        """Key dates as the component takes them; the next one is marked."""
        today = utc_day(self.as_of)
        dates: list[tuple[str, date]] = self.upcoming.key_dates if self.upcoming else []
        rows = [{"text": text, "on": on, "past": on < today} for text, on in dates]
        following = next((row for row in rows if not row["past"]), None)
        return [{**row, "next": row is following} for row in rows]


def read_overview(customer: Customer, at: datetime) -> Overview:
    """Raises NoSubscriptionError."""
    own = open_subscription(customer)
    documents = unsettled(customer.pk)
    read_payments(documents.unpaid)
    state = _credits(customer, own, at)
    credit = Credit(customer.pk, at, has_credit=state is not None)
    offer = attempt(next_plan, customer.pk) if own.plan.is_default else None
    now = attempt(running_days, own, at, lately(customer.pk, [offer] if offer else [], at), known=looked_at(own))
    usage = attempt(usage_to_date, now) if now else None
    upcoming = attempt(upcoming_invoice, now, documents, credit=credit) if now else None
    ahead = attempt(prospects, now, upcoming, credit=credit) if now and upcoming else None
    return Overview(
        customer=customer,
        subscription=own,
        as_of=at,
        upcoming=upcoming,
        usage=usage,
        unpaid=documents.unpaid,
        ahead=ahead or NOTHING,
        lacking_days=thin_days(now) if now else None,
        credits=state,
        standing=_standing(upcoming, usage, ahead),
        estimate=estimate_or_none(customer.pk, offer, at, now.used) if now and offer else None,
    )


def _credits(customer: Customer, own: "Subscription", at: datetime) -> CreditState | None:
    plan = own.plan
    only, blocks = plan.terms().is_credit_only, plan.blocks_at_zero
    return read_credits(customer, currency=plan.currency, credits_only=only, blocks=blocks, at=at)


def _standing(upcoming: UpcomingInvoice | None, usage: UsageToDate | None, ahead: Prospects | None) -> Standing | None:
    return Standing(spending_of(upcoming, usage, ahead.projection)) if upcoming and usage and ahead else None


@require_safe
@billing_page()
def billing_overview(request: PortalRequest) -> HttpResponse:
    return show_overview(request)


def show_overview(request: PortalRequest) -> HttpResponse:
    overview = read_overview(request.customer, customer_now(request.customer))
    writes = can_write(request.membership)
    found = banners(overview) if writes else [for_readers(banner) for banner in banners(overview)]
    context = {
        "overview": overview,
        "banners": found[:2],
        "more_banners": found[2:],
        "can_write": writes,
        "admins": [] if writes else [describe(user) for user in billing_admins(request.customer)],
        **_leaving(request),
    }
    return render(request, "billing_portal/overview.html", context)


def _leaving(request: PortalRequest) -> dict[str, Any]:
    """«Why are you leaving?», on the page that «Confirm Downgrade» leads to; nothing on any other visit."""
    left = request.GET.get("left", "")
    quote = quote_of(request.customer.pk, left) if left and can_write(request.membership) else None
    return {"left": quote, "leaving": LeavingForm()} if quote and quote.asks_why else {}


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
    """503 where the panel could not be filled: it says so itself, and htmx puts it in its place."""
    if not request.htmx:
        return show_overview(request)
    overview = read_overview(request.customer, customer_now(request.customer))
    context = {"overview": overview, "refreshed": True, "can_write": can_write(request.membership)}
    works = getattr(overview, name) is not None
    status = 200 if works else SERVICE_UNAVAILABLE
    return render(request, f"billing_portal/overview.html#{name}", context, status=status)
