"""Filters of long lists: their choices are known without reading the list."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db import connection
from django.db.models import DateTimeField, Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy

from accounts.models import Customer
from accounts.staff_words import words_of
from core import formats
from core.clock import now
from core.periods import midnight, utc_day

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    Choices = list[tuple[str, str]]

MONTHS = 13  # offered: this one and those of a year before; others are asked for by their address


class CustomerFilter(admin.SimpleListFilter):
    """Rows of one customer, by key. Not offered – there are too many –, but shown where a link has set it."""

    title = gettext_lazy("customer")
    parameter_name = "customer_key"

    def lookups(self, request: HttpRequest, model_admin: Any) -> "Choices":
        name = Customer.objects.filter(key=self.used_parameters.get(self.parameter_name, "")).values_list("name")
        return [(str(self.value()), row[0]) for row in name]

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any) -> None:
        asked = params.get(self.parameter_name)
        super().__init__(request, params, model, model_admin)
        if asked and not self.lookup_choices:
            raise IncorrectLookupParameters(f"no customer {asked[-1]}")

    def has_output(self) -> bool:
        return self.value() is not None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(customer__key=self.value()) if self.value() else queryset


class HappenedFilter(admin.EmptyFieldListFilter):
    """Whether an instant is set: `parked_at` asks «By parked: Yes or No»."""

    def __init__(self, field: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(field, *args, **kwargs)
        self.title = words_of(field.name.removesuffix("_at").replace("ends", "ended"))

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for choice, words in zip(
            super().choices(changelist), (gettext("All"), gettext("No"), gettext("Yes")), strict=True
        ):
            yield {**choice, "display": words}


class PeriodFilter(admin.SimpleListFilter):
    """A month (`2026-11`), a day (`2026-11-20`) or the last seven days, all in UTC. See `period_of`."""

    template = "admin/filter_period.html"
    field = ""

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any) -> None:
        self.is_instant = isinstance(model._meta.get_field(self.field), DateTimeField)
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> "Choices":
        first = utc_day(now()).replace(day=1)
        months = [first]
        while len(months) < MONTHS:
            months.append((months[-1] - timedelta(days=1)).replace(day=1))
        return [("7d", gettext("Last 7 days")), *((f"{month:%Y-%m}", formats.month(month)) for month in months)]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        yield from super().choices(changelist)
        self.day = self.value() if self._kind() == "day" else ""
        self.others = [
            (name, value)
            for name, values in changelist.filter_params.items()
            if name != self.parameter_name
            for value in values
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        try:
            start, end = self._bounds(str(self.value()))
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error
        return queryset.filter(**{f"{self.field}__gte": start, f"{self.field}__lt": end})

    def _kind(self) -> str:
        return "day" if re.fullmatch(r"\d{4}-\d\d-\d\d", self.value() or "") else ""

    def _bounds(self, value: str) -> tuple[date | datetime, date | datetime]:
        """Half-open, as the field's type has it."""
        if value == "7d":
            start, end = utc_day(now()) - timedelta(days=6), utc_day(now()) + timedelta(days=1)
        elif self._kind():
            start = date.fromisoformat(value)
            end = start + timedelta(days=1)
        else:
            start = date.fromisoformat(f"{value}-01")
            end = (start + timedelta(days=31)).replace(day=1)
        return (midnight(start), midnight(end)) if self.is_instant else (start, end)


def period_of(name: str, title: "_StrOrPromise") -> type[PeriodFilter]:
    """A filter by month or day of a date or an instant."""
    values = {"field": name, "parameter_name": f"{name}_in", "title": words_of(title)}
    return type("PeriodFilter", (PeriodFilter,), values)


class KnownValues(admin.SimpleListFilter):
    """The values of a column that an index begins with, read by skipping from one to the next. See `values_of`."""

    field = ""
    source: type[Model] | None = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> "Choices":
        return [(value, value) for value in distinct_values(self.source or model_admin.model, self.field)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.field: self.value()}) if self.value() else queryset


def values_of(name: str, *, source: type[Model] | None = None) -> type[KnownValues]:
    """A filter by a column; `source`: another table whose column of that name has all values."""
    values = {"field": name, "parameter_name": name, "title": words_of(name), "source": source}
    return type("KnownValues", (KnownValues,), values)


def distinct_values(model: type[Model], name: str) -> list[str]:
    """The texts in a column, in order, without reading its rows: an index that begins with it is skipped along."""
    table, column = (connection.ops.quote_name(one) for one in (model._meta.db_table, name))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE known AS ("  # noqa: S608 - names of our own table and column
            f"SELECT min({column}) AS value FROM {table} WHERE {column} > '' UNION ALL "
            f"SELECT (SELECT min({column}) FROM {table} WHERE {column} > known.value) FROM known "
            f"WHERE known.value IS NOT NULL) SELECT value FROM known WHERE value IS NOT NULL"
        )
        return [row[0] for row in cursor.fetchall()]


Currency = values_of("currency", source=Customer)
