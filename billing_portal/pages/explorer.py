"""The usage explorer: what was used, when, by which dimension – in the windows that are billed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_lazy, ngettext
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.access import PortalRequest, billing_page, customer_now
from accounts.exporting import as_csv
from accounts.models import Customer
from billing_portal.pages.attempting import attempt
from billing_portal.pages.explorer_forms import ExplorerForm
from core import charts, formats
from core.money import quantize
from core.periods import Window
from core.spreadsheet import Cell, csv_lines
from plans.selectors.upcoming import running
from plans.selectors.windows import BilledUsage, UsedWindow, billed_usage, recent_windows, running_usage
from usage.exploring import Breakdown, Timeline, breakdown, breakdown_rows, explorable_features, timeline
from usage.selectors import Freshness, freshness

if TYPE_CHECKING:
    from usage.models import Feature

PAST_WINDOWS = 12
OPEN_ROWS = 31  # a longer table is folded
NOT_GIVEN = gettext_lazy("Not given")


class Question(NamedTuple):
    """What can be asked, and what was. `feature`: None where there is nothing to explore."""

    form: ExplorerForm
    feature: "Feature | None"
    customer: Customer
    at: datetime


class Row(NamedTuple):
    """One value of a dimension; `bar` is its share of the greatest, of 200."""

    name: str
    quantity: Decimal | None
    bar: int
    share: str


@dataclass(frozen=True)
class Exploration:
    """The answer, for a page. `is_invoiced`: whether the plan that runs now brings a next invoice."""

    feature: "Feature"
    window: Window
    step: str
    dimension: str
    timeline: Timeline
    breakdown: Breakdown | None
    charge: BilledUsage | None
    has_failed: bool  # its charge could not be worked out
    used_window: UsedWindow | None
    fresh: Freshness
    at: datetime
    is_invoiced: bool

    @property
    def is_empty(self) -> bool:
        return not any(part.quantity for part in self.timeline.parts)

    @property
    def has_figures(self) -> bool:
        """A window without usage may cost something all the same, by its minimum or after corrections."""
        return not self.is_empty or bool(self.charge and (self.charge.amount or self.late))

    @property
    def is_running(self) -> bool:
        return bool(self.used_window and self.used_window.is_running)

    @property
    def credits_only(self) -> bool:
        return bool(self.used_window and self.used_window.subscription.plan.terms().is_credit_only)

    @property
    def is_delayed(self) -> bool:
        """Whether usage that ordinarily comes has not come while the window runs, as on «Billing and Usage»."""
        return self.is_running and self.fresh.is_delayed(self.at)

    @cached_property
    def used(self) -> str:
        """`12,345 requests`."""
        return in_units(self.timeline.quantity, self.feature)

    @property
    def length(self) -> str:
        """`31 days`, `1 hour`."""
        count = len(self.timeline.parts)
        if self.step == "day":
            return ngettext("%(number)s day", "%(number)s days", count) % {"number": count}
        return ngettext("%(number)s hour", "%(number)s hours", count) % {"number": count}

    @property
    def within(self) -> str:
        """`in 31 days`, `in 1 hour`."""
        count = len(self.timeline.parts)
        if self.step == "day":
            return ngettext("in %(number)s day", "in %(number)s days", count) % {"number": count}
        return ngettext("in %(number)s hour", "in %(number)s hours", count) % {"number": count}

    @property
    def said(self) -> str:
        """What is read out when it has changed."""
        if self.is_empty:
            return gettext("No usage matches")
        amount = formats.money(self.charge.amount, self.charge.currency) if self.charge else ""
        return ", ".join(filter(None, [self.length, self.used, amount]))

    @property
    def late(self) -> Decimal:
        """What is known by now beyond (or below) what was charged of a window that is over."""
        if self.charge is None or self.is_running:
            return Decimal(0)
        return self.timeline.quantity - self.charge.quantity

    @property
    def late_size(self) -> Decimal:
        return abs(self.late)

    @property
    def settled(self) -> str:
        """What becomes of that difference: who leaves the last paid plan gets a follow-up invoice."""
        if self.credits_only:
            return gettext("The difference is settled with your credits.")
        if self.is_invoiced or self.charge is None:
            return gettext("The difference goes on your next invoice.")
        minimum = formats.money(quantize(settings.LATE_USAGE_MINIMUM, self.charge.currency), self.charge.currency)
        said = gettext("The difference goes on a follow-up invoice, once what came late comes to %(amount)s.")
        return said % {"amount": minimum}

    @property
    def bars(self) -> str:
        return charts.bars([part.quantity for part in self.timeline.parts])

    @property
    def busiest(self) -> str:
        """`30 Oct 2026 with 12,345 requests`."""
        part = max(self.timeline.parts, key=lambda part: part.quantity)
        when = formats.day(part.window.start.date()) if self.step == "day" else formats.instant(part.window.start)
        return gettext("%(time)s with %(quantity)s") % {"time": when, "quantity": in_units(part.quantity, self.feature)}

    @property
    def is_long(self) -> bool:
        return len(self.timeline.parts) > OPEN_ROWS or self.breakdown is not None

    @property
    def rows(self) -> list[Row]:
        """The values of the dimension, the greatest first; those that are not listed, as one."""
        found = self.breakdown
        if found is None:
            return []
        greatest = max([member.quantity for member in found.members] + [found.rest or Decimal(0)])
        listed = [self._row(label(member.name), member.quantity, greatest) for member in found.members]
        if not found.others:
            return listed
        others = gettext("Other (%(number)s)") % {"number": found.others}
        return [*listed, self._row(others, found.rest, greatest)]

    def _row(self, name: str, quantity: Decimal | None, greatest: Decimal) -> Row:
        if quantity is None:
            return Row(name, None, 0, "")
        bar = int(200 * min(quantity / greatest, Decimal(1))) if greatest > 0 and quantity > 0 else 0
        whole = self.timeline.quantity
        percent = round(100 * quantity / whole, 1) if self.timeline.adds_up and whole > 0 else None
        share = "" if percent is None else f"{number_format(percent, 1)} %"
        return Row(name, quantity, bar, share)


@require_safe
@vary_on_headers("HX-Request")
@billing_page()
def billing_usage(request: PortalRequest) -> HttpResponse:
    """The page; for htmx the filters and what they show. 422 where a filter is wrong."""
    question = ask(request.customer, request.GET, customer_now(request.customer))
    return show(request, question)


@require_safe
@billing_page()
def billing_usage_csv(request: PortalRequest) -> HttpResponseBase:
    """What the filters show, with every value of a dimension; the quantities sum to the page's total."""
    question = ask(request.customer, request.GET, customer_now(request.customer))
    if question.feature is None or not question.form.is_valid():
        return show(request, question)
    return usage_csv(question, question.feature)


def show(request: PortalRequest, question: Question) -> HttpResponse:
    form, feature = question.form if question.form.has_meters else None, question.feature
    found = explore(question, feature) if feature and form and form.is_valid() else None
    context = {"form": form, "found": found, "query": urlencode(question.form.asked)}
    swaps = request.htmx and not request.htmx.history_restore_request
    template = "billing_portal/usage.html#explorer" if swaps else "billing_portal/usage.html"
    return render(request, template, context | {"swapped": swaps}, status=422 if form and form.errors else 200)


def ask(customer: Customer, data: QueryDict, at: datetime) -> Question:
    """The filters as they were asked for, among what this customer has."""
    windows = recent_windows(customer.pk, at, past=PAST_WINDOWS)
    priced = [card.feature_key for used in windows[:1] for card in used.subscription.plan.terms().metered]
    features = {feature.key: feature for feature in explorable_features(customer.pk, priced)}
    meters = {key: features[key].name for key in [*priced, *features] if key in features}
    feature = features.get(data.get("meter") or next(iter(meters), ""))
    dimensions = sorted(feature.meter.dimensions) if feature and feature.meter else []
    form = ExplorerForm(data, windows=windows, meters=meters, dimensions=dimensions, at=at)
    return Question(form, feature, customer, at)


def explore(question: Question, feature: "Feature") -> Exploration:
    form, customer = question.form, question.customer
    used, window, dimension = form.used_window(), form.window(), form.cleaned_data["group"]
    charged = attempt(_charged, question, used, feature)
    return Exploration(
        feature=feature,
        window=window,
        step=form.cleaned_data["step"],
        dimension=dimension,
        timeline=timeline(customer.pk, feature, window, form.cleaned_data["step"]),
        breakdown=breakdown(customer.pk, feature, window, dimension) if dimension else None,
        charge=charged[0] if charged else None,
        has_failed=charged is None,
        used_window=used,
        fresh=freshness(customer.pk, question.at),
        at=question.at,
        is_invoiced=any(one.is_running and one.subscription.plan.terms().is_priced for one in form.windows.values()),
    )


def _charged(question: Question, used: UsedWindow | None, feature: "Feature") -> tuple[BilledUsage | None]:
    """In a tuple, so that no price is not taken for a failure."""
    return (charge_of(question, used, feature) if used else None,)


def charge_of(question: Question, used: UsedWindow, feature: "Feature") -> BilledUsage | None:
    """What the window costs: as it was calculated, or so far. None where the plan has no price for it."""
    if not used.is_running:
        return billed_usage(used, feature.pk)
    return running_usage(running(question.customer, question.at), feature.pk)


def usage_csv(question: Question, feature: "Feature") -> StreamingHttpResponse:
    """A download, row by row."""
    form = question.form
    dimension = form.cleaned_data["group"]
    columns = ("meter", "start", "end", *([dimension] if dimension else []), "quantity", "unit")
    lines = csv_lines(columns, _csv_rows(question, feature, dimension, form.cleaned_data["step"]))
    return as_csv(f"usage-{feature.key}-{form.window().start:%Y-%m-%d}.csv", lines)


def _csv_rows(question: Question, feature: "Feature", dimension: str, step: str) -> Iterator[tuple[Cell, ...]]:
    customer_id, window = question.customer.pk, question.form.window()
    if dimension:
        for part, member in breakdown_rows(customer_id, feature, window, dimension, step):
            yield feature.key, part.start, part.end, member.name, member.quantity, feature.unit_plural
    else:
        for part, quantity in timeline(customer_id, feature, window, step).parts:
            yield feature.key, part.start, part.end, quantity, feature.unit_plural


def in_units(quantity: Decimal, feature: "Feature") -> str:
    """`12,345 requests`, `1 request`."""
    return f"{formats.quantity(quantity)} {feature.unit if quantity == 1 else feature.unit_plural}"


def label(name: str | None) -> str:
    """A value of a dimension for people; events may come without one."""
    return str(NOT_GIVEN) if name is None else name or gettext("Empty")
