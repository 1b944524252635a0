"""What is taken away from the overview: its chart and its tables as CSV."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from django.http import Http404, StreamingHttpResponse
from django.views.decorators.http import require_safe

from accounts.access import PortalRequest, billing_page, customer_now
from accounts.exporting import as_csv
from billing_portal.pages.overview import Overview, read_overview
from billing_portal.pages.overview_chart import Chart
from core.language import in_english
from core.money import to_major
from core.spreadsheet import Cell, csv_lines
from invoices.exporting import LINE_COLUMNS, credit_rows, line_rows, tax_rows
from plans.selectors import UpcomingInvoice, UsageToDate

COURSE_COLUMNS = ("until", "kind", "amount", "currency")
METER_COLUMNS = ("meter", "name", "from", "to", "used", "unit", "included", "billable", "currency", "amount", "key")


@require_safe
@billing_page()
def billing_course_csv(request: PortalRequest) -> StreamingHttpResponse:
    """What the chart draws, as a table; without a chart its head alone."""
    overview = _overview(request)
    lines = csv_lines(COURSE_COLUMNS, _course_rows(overview.chart))
    return as_csv(f"cost-so-far-{overview.as_of:%Y-%m-%d}.csv", lines)


@require_safe
@billing_page()
def billing_meters_csv(request: PortalRequest) -> StreamingHttpResponse:
    """«Current usage»: a row per meter of the running window. 404 where it can't be worked out just now."""
    overview = _overview(request)
    if overview.usage is None:
        raise Http404
    lines = csv_lines(METER_COLUMNS, _meter_rows(overview.usage))
    return as_csv(f"current-usage-{overview.as_of:%Y-%m-%d}.csv", lines)


@require_safe
@billing_page()
def billing_upcoming_csv(request: PortalRequest) -> StreamingHttpResponse:
    """The upcoming invoice as the page shows it; its amounts sum to the total so far. 404 where none is to come, or it
    can't be worked out just now."""
    overview = _overview(request)
    if overview.upcoming is None or not overview.upcoming.has_document:
        raise Http404
    lines = csv_lines(LINE_COLUMNS, _upcoming_rows(overview.upcoming))
    return as_csv(f"upcoming-invoice-{overview.as_of:%Y-%m-%d}.csv", lines)


@in_english
def _overview(request: PortalRequest) -> Overview:
    """In the words that are kept, as every file that programs read."""
    return read_overview(request.customer, customer_now(request.customer))


def _course_rows(chart: Chart | None) -> Iterator[tuple[Cell, ...]]:
    if chart is None:
        return
    currency, ahead = chart.currency, chart.projection
    for point in chart.course.points:
        yield point.at, "so far", to_major(point.amount, currency), currency
    if ahead is not None:
        figures = (("projected", ahead.total), ("projected, low", ahead.low), ("projected, high", ahead.high))
        for kind, amount in figures:
            yield chart.course.window.end, kind, to_major(amount, currency), currency


def _meter_rows(usage: UsageToDate) -> Iterator[tuple[Cell, ...]]:
    window, currency = usage.window, usage.currency
    for row in usage.rows:
        counted = (row.quantity, row.unit_plural, _exact(row.included), _exact(row.billable))
        amount = to_major(row.amount, currency)
        yield row.feature_key, row.name, window.start, usage.as_of, *counted, currency, amount, row.line_key


def _exact(units: Fraction) -> Decimal:
    """As far as usage itself is kept."""
    return round(Decimal(units.numerator) / units.denominator, 12)


def _upcoming_rows(upcoming: UpcomingInvoice) -> Iterator[tuple[Cell, ...]]:
    currency = upcoming.currency
    yield from line_rows("owed", upcoming.owed, currency)
    yield from line_rows("still counting", upcoming.counting, currency)
    yield from credit_rows(upcoming.credit_rows, upcoming.credits, currency)
    yield from tax_rows(upcoming.totals.taxes, currency)
