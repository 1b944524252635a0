"""Staff take many documents away as one ZIP: from the list of invoices to a form, its progress, and the file.

A ZIP is a file of what one may look at: these pages ask for both capabilities, to export and to read.
"""

import secrets
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from accounts.roles import EXPORT, READ, check_may, may
from accounts.staff import StaffView, render_staff, staff_page, staff_user
from accounts.staff_lists import StaffList, StaffTable
from core import clock
from core.nudge import nudge
from invoices.archive_entries import LIMIT
from invoices.exceptions import InvoicesError
from invoices.models import Invoice
from invoices.models_archives import Archive
from invoices.services.download_archive import download_archive
from invoices.services.request_archive import request_archive
from invoices.showing_archives import as_download, progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

    from accounts.access import PortalRequest

P = ParamSpec("P")
INVOICES = "admin:invoices_invoice_changelist"
CHOSEN = "pk__in"  # the list's own way to name rows


def export_page(view: StaffView[P]) -> StaffView[P]:
    """Decorates a view: for staff who may export and read."""

    @wraps(view)
    def page(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        check_may(request.user, READ)
        return view(request, *args, **kwargs)

    return staff_page(EXPORT)(cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", page))


# --- from the list ---------------------------------------------------------------------------------------------------
class WithArchives(StaffTable):
    """For the list of invoices: the action «Download as ZIP»."""

    actions = ("download_as_zip",)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return may(request.user, EXPORT) and may(request.user, READ)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup == CHOSEN or super().lookup_allowed(lookup, value, request)

    @admin.action(description=gettext_lazy("Download as ZIP"), permissions=["export"])
    def download_as_zip(self, request: HttpRequest, queryset: "QuerySet[Invoice]") -> HttpResponse:
        """To the form: for the chosen rows, or for the list as it is filtered."""
        if request.POST.get("select_across") == "1":
            query = request.GET.urlencode()
        else:
            query = urlencode({CHOSEN: ",".join(map(str, queryset.values_list("pk", flat=True)))}, safe=",")
        return HttpResponseRedirect(f"{reverse('admin:invoices_archive_add')}?{query}")


# --- «Download as ZIP» -----------------------------------------------------------------------------------------------
class ArchiveForm(forms.Form):
    """What for; `key` makes a form that is sent twice one ZIP."""

    key = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)
    purpose = forms.CharField(
        label=gettext_lazy("What for"),
        max_length=300,
        help_text=gettext_lazy("Kept with the ZIP and in the audit trail: Audit of 2026"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@export_page
def archive_add(request: HttpRequest) -> HttpResponse:
    """The address carries the query of the list of invoices, and with it which documents are meant."""
    try:
        invoices = _listed(request)
    except IncorrectLookupParameters:
        return HttpResponseRedirect(f"{reverse(INVOICES)}?e=1")
    form = ArchiveForm(request.POST or None, initial={"key": secrets.token_hex(16)})
    if request.method == "POST" and form.is_valid():
        try:
            archive = _request(request, form, invoices)
        except InvoicesError as error:
            form.add_error(None, error.message)
        else:
            nudge("billing_portal.tasks.build_archives")
            return HttpResponseRedirect(_url(archive), status=303)
    issued = invoices.filter(number__isnull=False).count()
    context = {
        "form": form,
        "title": gettext("Download as ZIP"),
        "issued": issued,
        "drafts": invoices.count() - issued,
        "selection": selection_text(request.GET),
        "limit": LIMIT,
        "back": _back(request.GET),
    }
    return render_staff(request, "admin/invoices/archive_add.html", context, 422 if form.is_bound else 200)


def _listed(request: HttpRequest) -> "QuerySet[Invoice]":
    """What the list of invoices shows with this query, on all its pages. Raises IncorrectLookupParameters."""
    shown: ChangeList = admin.site.get_model_admin(Invoice).get_changelist_instance(request)
    return cast("QuerySet[Invoice]", shown.queryset.order_by("pk"))


def _request(request: HttpRequest, form: ArchiveForm, invoices: "QuerySet[Invoice]") -> Archive:
    user = staff_user(request)
    return request_archive(
        key=f"staff:{user.pk}:{form.cleaned_data['key']}",
        invoice_ids=list(invoices.values_list("pk", flat=True)[: LIMIT + 1]),
        customer_id=None,
        selection=selection_text(request.GET)[:300],
        purpose=form.cleaned_data["purpose"],
        at=clock.now(),
        actor=user,
    )


def selection_text(query: QueryDict) -> str:
    """The list's query in words: how the documents were chosen."""
    if CHOSEN in query:
        return "Chosen in the list"
    filters = {name: value for name, value in query.items() if name not in ("p", "o", "all", "e") and value}
    search = filters.pop("q", "")
    words = [f"{name.removesuffix('__exact').replace('__', ' ')} {value}" for name, value in sorted(filters.items())]
    words += [f"search “{search}”"] if search else []
    return f"Filtered by {', '.join(words)}" if words else "All documents"


def _back(query: QueryDict) -> str:
    """The list as it was; chosen rows were chosen by hand."""
    kept = "" if CHOSEN in query else query.urlencode()
    return f"{reverse(INVOICES)}?{kept}" if kept else reverse(INVOICES)


# --- its progress, and the file --------------------------------------------------------------------------------------
@require_safe
@export_page
def archive(request: HttpRequest, public_id: str) -> HttpResponse:
    """How far it is; asks again by itself until it is ready, and then no more."""
    row = get_object_or_404(Archive.objects.select_related("created_by", "customer"), public_id=public_id)
    context = {"archive": row, "title": gettext("ZIP of documents"), **progress(row, request.GET.get("looks", ""))}
    page = "admin/invoices/archive.html"
    return render_staff(request, f"{page}#progress" if cast("PortalRequest", request).htmx else page, context)


@require_GET
@export_page
def archive_zip(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """The file, sent part by part."""
    found = get_object_or_404(Archive, public_id=public_id)
    row = download_archive(archive=found, at=clock.now(), actor=staff_user(request))
    return as_download(row)


def _url(row: Archive) -> str:
    return reverse("admin:invoices_archive_change", args=[row.public_id])


class ArchiveList(ChangeList):
    """Leads to the page with the progress, not to the bare row."""

    def url_for_result(self, result: Any) -> str:
        return _url(result)


@admin.register(Archive)
class ArchiveAdmin(StaffList):
    """Who took which documents away: the list; one of them and a new one are pages of ours."""

    list_display = ("created_at", "created_by", "purpose", "selection", "status", "total", "missing", "customer")
    list_filter = ("status", "created_at")
    list_select_related = ("created_by", "customer")
    search_fields = ("=public_id", "purpose")
    csv_columns = (
        *("public_id", "created_at", "created_by__email", "purpose", "selection", "status", "total", "missing"),
        *("customer__key", "customer__name"),
    )
    ordering = ("-pk",)
    actions = None

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, EXPORT) and may(request.user, READ)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ArchiveList

    def get_urls(self) -> list[Any]:
        return [path("<slug:public_id>/archive.zip", archive_zip, name="invoices_archive_zip"), *super().get_urls()]

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", archive_add(request))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return cast("HttpResponse", archive(request, object_id))
