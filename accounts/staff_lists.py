"""The lists of the staff site: one base for every table of the rooms. What the books rest on is only looked at.

A list asks the same few queries whatever it holds: counts are bounded, searches look ids up by indexes, and the file
behind «Download CSV» is streamed.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters, ShowFacets
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_GET

from accounts.exporting import Amount, Column, export_rows
from accounts.roles import EXPORT, check_may
from accounts.staff_paging import BoundedPaginator
from accounts.staff_search import found
from accounts.staff_words import name_for_staff, words_of
from core import formats

if TYPE_CHECKING:  # generic for the type checker only
    ModelAdmin = admin.ModelAdmin[Model]
    TabularInline = admin.TabularInline[Model, Model]
    StackedInline = admin.StackedInline[Model, Model]
else:
    ModelAdmin, TabularInline, StackedInline = admin.ModelAdmin, admin.TabularInline, admin.StackedInline


class LookOnly:
    """No adding, changing or deleting; everything can be looked at."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class StaffTable(ModelAdmin):
    """A table whose list is quick at any size.

    `search_fields`: `^name` begins so and `=name` is so, by an index; `name` contains it, for small tables; `customer`
    alone, a foreign key, finds by the customer's name and key. `csv_columns`: what «Download CSV» writes – never
    secrets, nor the content of documents.
    """

    paginator = BoundedPaginator
    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # a count for every choice of every filter
    csv_columns: Sequence[Column] = ()

    def __init__(self, model: type[Model], admin_site: admin.AdminSite) -> None:
        name_for_staff(model)
        super().__init__(model, admin_site)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.csv_view)
        return [path("csv/", view, name=f"{self.opts.app_label}_{self.opts.model_name}_csv"), *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Never a join, so never a duplicate."""
        term = search_term.strip()
        fields = self.get_search_fields(request)
        return (queryset.filter(found(self.model, fields, term)) if term and fields else queryset), False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only what the list's own filters ask: any other column could be guessed letter by letter."""
        if "\x00" in str(value):  # PostgreSQL has no such text
            return False
        names = [self._filter_name(one) for one in self.list_filter]
        return any(lookup == name or lookup.startswith(f"{name}__") for name in names if name)

    @staticmethod
    def _filter_name(one: Any) -> str:
        if isinstance(one, str):
            return one
        return str(one[0] if isinstance(one, tuple) else getattr(one, "parameter_name", ""))

    @admin.display(description=gettext_lazy("select"))
    def action_checkbox(self, obj: Any) -> SafeString:
        """As Django's, without a template for every row: it took half the time of a page."""
        label = gettext("Select %(row)s") % {"row": obj}
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="{}">',
            ACTION_CHECKBOX_NAME, obj.pk, label,
        )  # fmt: skip

    @method_decorator(require_GET)
    def csv_view(self, request: HttpRequest) -> HttpResponseBase:
        """Exactly the rows of the list as filtered, searched and sorted, all pages. Written to the audit trail."""
        check_may(request.user, EXPORT)
        if not self.csv_columns or not self.has_view_permission(request):
            raise PermissionDenied
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:  # as the list itself
            return cast("HttpResponse", redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
        return export_rows(request, self.csv_rows(rows), self.csv_columns)

    def csv_rows(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows with what `csv_columns` names beyond columns of the tables."""
        return rows


class StaffList(LookOnly, StaffTable):
    """A table that only verbs write."""


def money_column(name: str, *, is_stored: bool = True) -> Callable[[Any, Any], str]:
    """A column of a list with the amount `name` in minor units of the row's currency, as people read it. `is_stored`:
    a column of the table, so that the list can be sorted by it."""

    @admin.display(description=words_of(name), ordering=name if is_stored else None)
    def text(self: Any, row: Any) -> str:
        return formats.money(getattr(row, name), row.currency)

    return text


__all__ = ["Amount", "LookOnly", "ModelAdmin", "StackedInline", "StaffList", "StaffTable", "TabularInline"]
