"""Explain a charge: one address per line – upcoming, announced or issued – from its amount down to its events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from accounts.access import PortalRequest, billing_page, customer_now
from accounts.exporting import as_csv
from accounts.models import Customer
from core import formats
from core.periods import Window, utc_day
from core.spreadsheet import Cell, csv_lines
from credits.charges import Allocation
from credits.explained import ExplainedCharge, explained_charge
from credits.selectors import allocations_of
from credits.words import grant_name
from invoices.charging import charge_key
from invoices.lines import LineDraft
from invoices.selectors import line_by_key
from invoices.totals import TaxRule, rules_from
from plans.charges import compose_charges
from plans.exceptions import NoSubscriptionError
from plans.explain import explain, price_version
from plans.explanation import Explanation
from plans.line_words import title
from plans.selectors.catalogue import rate_card_by_id
from plans.selectors.upcoming import running, upcoming_invoice
from usage.aggregation import RULES
from usage.contributions import contributions, first_and_last
from usage.selectors import daily_quantities, features_by_key

if TYPE_CHECKING:
    from invoices.models import Invoice, InvoiceLine
    from plans.models import RateCard
    from usage.models import Feature

SUM = "billing_portal/_explain.html#sum"  # what htmx opens beside a line
EVENT_COLUMNS = ("time", "quantity", "event_id", "source", "subject", "type", "corrects", "received_at")


@dataclass(frozen=True)
class Charge:
    """A line with where it stands. `seen_until`: usage after that instant is not known to it. `cards`: prices that were
    read with it, its own among them or not."""

    customer_id: int
    line: "LineDraft | InvoiceLine"
    currency: str
    seen_until: datetime
    taxes: tuple[str, ...]
    invoice: "Invoice | None" = None
    is_stored: bool = False
    credit: ExplainedCharge | None = None
    paid: Allocation | None = None
    cards: "tuple[RateCard, ...]" = ()

    @cached_property
    def data(self) -> Mapping[str, Any]:
        """What the line has stored, and since when its price list is in force."""
        since = self.card.plan.published_at if self.card else None
        return {**self.line.explain, "price_since": utc_day(since).isoformat()} if since else self.line.explain

    @cached_property
    def card(self) -> "RateCard | None":
        """The price it was rated by; None for what is on no price list."""
        number = self.line.explain.get("rate_card_id")
        known = next((card for card in self.cards if card.pk == number), None)
        return known or (rate_card_by_id(number) if number else None)

    @cached_property
    def derived(self) -> Explanation:
        derived = explain(self.data)
        return derived.noted(self._used_when) if self._used_when else derived

    @cached_property
    def _used_when(self) -> str:
        """When the first and the last of it was used."""
        if "quantity" not in self.line.explain or self.feature is None:
            return ""
        found = first_and_last(self.customer_id, self.feature, self.seen, received_until=self.received_until)
        if found is None:
            return ""
        first, last = found
        return gettext("first %(first)s, last %(last)s") % {
            "first": formats.instant(first),
            "last": formats.instant(last),
        }

    @property
    def seen(self) -> Window:
        """The window as far as it is known to the line."""
        return self.window if self.is_stored else self.window.until(self.seen_until)

    @property
    def received_until(self) -> datetime | None:
        """What reached us after that instant is not in it."""
        return self.seen_until if self.is_stored else None

    @property
    def agrees(self) -> bool:
        """Whether the stored data still gives the amount: if not, the books are wrong."""
        return self.derived.amount == self.line.amount

    @property
    def title(self) -> str:
        """As people read it; what is kept is English."""
        return title(self.line.title)

    @property
    def paid_by(self) -> list[tuple[str, int]]:
        """What each grant paid of it, minor units."""
        parts = self.paid.parts if self.paid else ()
        return [(grant_name(name), amount) for _id, name, amount in parts]

    @property
    def is_taxed(self) -> bool:
        return self.taxes != (gettext("No tax"),)

    @property
    def price_version(self) -> str:
        return price_version(self.data)

    @property
    def returned(self) -> int:
        """What credit paid and corrections gave back since, minor units."""
        if self.credit:
            return self.credit.returned
        return getattr(self.line, "credits", 0) - self.paid.covered if self.paid else 0

    @property
    def left(self) -> int:
        """What credit did not pay of a line of a document, minor units; before tax."""
        return self.line.amount - getattr(self.line, "credits", 0)

    @property
    def window(self) -> Window:
        return Window(self.line.starts_at, self.line.ends_at)

    @property
    def is_usage(self) -> bool:
        return self.derived.quantity is not None

    @property
    def is_counting(self) -> bool:
        """Whether it may still change."""
        return not self.is_stored and self.is_usage and self.credit is None

    @property
    def is_fixed(self) -> bool:
        """A fee that is on no document yet: nothing but another plan changes it."""
        return not self.is_stored and not self.is_usage and self.credit is None

    @cached_property
    def feature(self) -> "Feature | None":
        if self.card and self.card.feature and self.card.feature.key == self.line.feature_key:
            return self.card.feature
        return features_by_key([self.line.feature_key]).get(self.line.feature_key) if self.line.feature_key else None


class DayRow(NamedTuple):
    """What was used on a UTC day; `bar` is its share of the busiest day, of 200."""

    on: date
    used: Decimal
    bar: int


@dataclass(frozen=True, slots=True)
class Days:
    """What was used day by day. `rest`: what is known by now beyond (or below) the line's quantity."""

    rows: tuple[DayRow, ...]
    quantity: Decimal
    rest: Decimal
    adds_up: bool

    @property
    def rest_size(self) -> Decimal:
        return abs(self.rest)


@require_safe
@billing_page()
def billing_explain(request: PortalRequest, key: str) -> HttpResponse:
    """The whole page; for htmx the sum alone, to be opened beside the line."""
    charge = find_charge(request.customer, key, customer_now(request.customer))
    if request.htmx:
        return render(request, SUM, {"charge": charge})
    context = {"charge": charge, "days": days_of(request.customer, charge)}
    return render(request, "billing_portal/explain.html", context)


@require_safe
@billing_page()
def billing_explain_events(request: PortalRequest, key: str) -> StreamingHttpResponse:
    """The events of a usage line as CSV; their quantities sum to the line's."""
    return events_csv(request.customer, key, customer_now(request.customer))


def events_csv(customer: Customer, key: str, at: datetime) -> StreamingHttpResponse:
    """A download of the events behind that line. Http404 where there is no such line, or none of usage."""
    charge = find_charge(customer, key, at)
    if charge.feature is None:
        raise Http404
    rows = event_rows(customer, charge, charge.feature)
    name = f"events-{charge.feature.key}-{charge.line.starts_at:%Y-%m-%d}.csv"
    return as_csv(name, csv_lines(EVENT_COLUMNS, rows))


def find_charge(customer: Customer, key: str, at: datetime) -> Charge:
    """The customer's line of that key: stored, else charged to credit, else on the upcoming invoice. Http404 where
    there is none."""
    stored = line_by_key(customer.pk, key)
    if stored is not None:
        return _stored(stored, at)
    credit = explained_charge(customer.pk, key)
    if credit is not None:
        return _credit(customer.pk, credit)
    try:
        return _upcoming(customer, key, at)
    except NoSubscriptionError:
        raise Http404 from None


def _stored(line: "InvoiceLine", at: datetime) -> Charge:
    invoice = line.invoice
    return Charge(
        customer_id=line.customer_id,
        line=line,
        currency=line.currency,
        seen_until=invoice.calculated_at if invoice else at,
        taxes=_taxes(line, invoice) if invoice else (),
        invoice=invoice,
        is_stored=True,
        paid=_paid(line) if invoice and line.credits > 0 else None,
    )


def _taxes(line: "InvoiceLine", invoice: "Invoice") -> tuple[str, ...]:
    """Its own rates where it corrects a line that had them; a document may have several."""
    return tuple(tax_in_words(rule) for rule in rules_from(line.tax_rules or invoice.tax_rules).each)


def _paid(line: "InvoiceLine") -> Allocation | None:
    """Which credit paid a line of a document."""
    key = charge_key(line.key, str(line.invoice_id))
    return allocations_of([key]).get(key)


def _credit(customer_id: int, credit: ExplainedCharge) -> Charge:
    """A line that credit alone pays, as it was charged."""
    return Charge(
        customer_id=customer_id,
        line=_charged_line(credit),
        currency=credit.currency,
        seen_until=credit.booked_at,
        taxes=(),
        credit=credit,
        paid=credit.paid,
    )


def _charged_line(credit: ExplainedCharge) -> LineDraft:
    """Usage is rated from the beginning of its window."""
    details = credit.details
    data = details["explain"]
    starts_at = details["starts_at"]
    if details["kind"] == "usage":
        starts_at = data["window"].partition("/")[0]
    return LineDraft(
        key=credit.key,
        kind=details["kind"],
        title=details["title"],
        detail=details["detail"],
        starts_at=_instant(starts_at),
        ends_at=_instant(details["ends_at"]),
        quantity=Decimal(details["quantity"]),
        amount=credit.amount,
        feature_key=credit.feature_key,
        explain=data,
    )


def _instant(text: str) -> datetime:
    """Written as an instant, or as a day that it begins."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _upcoming(customer: Customer, key: str, at: datetime) -> Charge:
    """As it stands now; also a line of a plan that charges nothing, which is on no invoice."""
    now = running(customer, at)
    upcoming = upcoming_invoice(now)
    lines = (*upcoming.owed, *upcoming.counting, *upcoming.next_counting, *compose_charges(now.facts))
    line = next((line for line in lines if line.key == key), None)
    if line is None:
        raise Http404
    is_taxed = line.settlement != "credit_only" and now.facts.terms.is_priced
    return Charge(
        customer_id=customer.pk,
        line=line,
        currency=upcoming.currency,
        seen_until=at,
        taxes=tuple(tax_in_words(rule) for rule in upcoming.rule.each) if is_taxed else (),
        cards=tuple(now.subscription.plan.rate_cards.all()),
    )


def tax_in_words(rule: TaxRule) -> str:
    """`VAT 20 %`, `VAT 0 %: Reverse charge`, or that there is none."""
    if not rule.label:
        return f"{gettext('No tax')}: {gettext(rule.reason)}" if rule.reason else gettext("No tax")
    rate = f"{gettext(rule.label)} {formats.quantity(rule.percent)} %"
    if rule.inclusive:
        rate = gettext("%(tax)s, included in the price") % {"tax": rate}
    return f"{rate}: {gettext(rule.reason)}" if rule.reason else rate


def days_of(customer: Customer, charge: Charge) -> Days | None:
    """The days of a usage line; None for fees."""
    feature = charge.feature
    if feature is None or feature.meter is None or charge.derived.quantity is None:
        return None
    days = daily_quantities(customer.pk, [feature.pk], charge.seen)[feature.pk]
    busiest = max((used for _on, used in days), default=Decimal(0))
    rows = tuple(DayRow(on, used, int(200 * used / busiest) if used > 0 else 0) for on, used in days)
    rest = sum((used for _on, used in days), Decimal(0)) - charge.derived.quantity
    return Days(rows, charge.derived.quantity, rest, RULES[feature.meter.aggregation].adds_up)


def event_rows(customer: Customer, charge: Charge, feature: "Feature") -> Iterator[tuple[Cell, ...]]:
    """One row per event that counts, in the order of EVENT_COLUMNS."""
    for event in contributions(customer.pk, feature, charge.seen, received_until=charge.received_until):
        yield tuple(getattr(event, name) for name in EVENT_COLUMNS)
