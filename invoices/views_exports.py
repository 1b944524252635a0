"""What is taken away from the billing portal: its tables as CSV, and «Download all for 2026 (ZIP)», which is asked for,
watched while it is made, then fetched."""

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts.access import PortalRequest, billing_page, enter_customer
from accounts.exporting import as_csv
from accounts.models import User
from core.clock import now
from core.nudge import nudge
from core.spreadsheet import csv_lines
from invoices import exporting, selectors
from invoices.archive_entries import years_of
from invoices.archive_index import year_sums
from invoices.corrections import corrections_of
from invoices.forms_history import HistoryFilter
from invoices.models_archives import Archive, ArchiveStatus
from invoices.services.download_archive import download_archive
from invoices.services.export_year import export_year
from invoices.showing_archives import as_download, progress
from invoices.views import find

PAGE = "invoices/export.html"


@require_safe
@billing_page()
def billing_history_csv(request: PortalRequest) -> HttpResponseBase:
    """What the filter of «Billing History» shows, all pages of it; the page says what is wrong with a filter."""
    customer_id = request.customer.pk
    form = HistoryFilter(request.GET, years=years_of(customer_id))
    if not form.is_valid():
        return HttpResponseRedirect(f"{reverse('portal')}?{form.query}")
    rows = exporting.history_rows(form.narrow(selectors.billing_history(customer_id)))
    return as_csv("billing-history.csv", csv_lines(exporting.HISTORY_COLUMNS, rows))


@require_safe
@billing_page()
def credit_statements_csv(request: PortalRequest) -> StreamingHttpResponse:
    rows = exporting.statement_rows(selectors.credit_statements(request.customer.pk))
    return as_csv("credit-statements.csv", csv_lines(exporting.STATEMENT_COLUMNS, rows))


@require_safe
@login_required
def invoice_lines_csv(request: HttpRequest, public_id: str) -> StreamingHttpResponse:
    """Every line of a document and what makes its total of them: the amounts sum to it."""
    invoice = find(public_id)
    enter_customer(request, invoice.customer_id)
    name = f"{invoice.number or f'draft-{invoice.billing_on}'}-lines.csv"
    return as_csv(name, csv_lines(exporting.LINE_COLUMNS, exporting.document_rows(invoice)))


@require_safe
@billing_page()
def corrections_csv(request: PortalRequest) -> StreamingHttpResponse:
    rows = exporting.correction_rows(corrections_of(request.customer.pk))
    return as_csv("corrections.csv", csv_lines(exporting.CORRECTION_COLUMNS, rows))


@require_POST
@billing_page()
def export_add(request: PortalRequest, year: int) -> HttpResponse:
    """Whoever may read the documents may take them; 404 for a year without any."""
    if year not in years_of(request.customer.pk):
        raise Http404
    return _asked(request.customer.pk, year, request.user)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def export(request: HttpRequest, public_id: str) -> HttpResponse:
    """How far it is; asks again by itself until it is ready, and then no more. POST makes one that is gone again."""
    archive = _find(request, public_id)
    if request.method == "POST":
        user = cast("PortalRequest", request).user
        return _asked(cast("int", archive.customer_id), cast("int", archive.year), user)
    context = {"archive": archive, **progress(archive, request.GET.get("looks", ""))}
    if archive.status == ArchiveStatus.READY:
        context["sums"] = year_sums(archive)
    return render(request, f"{PAGE}#progress" if cast("PortalRequest", request).htmx else PAGE, context)


@require_GET
@login_required
def export_zip(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """The file, sent part by part."""
    archive = _find(request, public_id)
    download_archive(archive=archive, at=now(), actor=cast("PortalRequest", request).user)
    return as_download(archive)


def _asked(customer_id: int, year: int, user: User) -> HttpResponse:
    archive = export_year(customer_id=customer_id, year=year, at=now(), actor=user)
    nudge("billing_portal.tasks.build_archives")
    return HttpResponseRedirect(reverse("export", args=[archive.public_id]), status=303)


def _find(request: HttpRequest, public_id: str) -> Archive:
    """A customer's archive; what staff collect is nobody else's."""
    years = Archive.objects.filter(year__isnull=False).select_related("customer")
    archive = get_object_or_404(years, public_id=public_id)
    enter_customer(request, cast("int", archive.customer_id))
    return archive
