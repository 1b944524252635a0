"""«Download CSV»: lines as a file; for staff rows streamed from the database, and a note of who took them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from accounts.models import Customer
from accounts.services.note_export import note_export
from accounts.staff import staff_user
from core.clock import now
from core.language import english
from core.money import to_major
from core.periods import utc_day
from core.spreadsheet import Cell, csv_lines

CHUNK = 2_000  # rows in memory at a time


@dataclass(frozen=True, slots=True)
class Amount:
    """A column of minor units, written in major units of the currency in another column."""

    path: str
    currency: str = "currency"


Column = str | Amount
Row = Sequence[Any]


def export_rows(
    request: HttpRequest,
    rows: QuerySet[Any],
    columns: Sequence[Column],
    *,
    name: str = "",
    customer: Customer | None = None,
) -> StreamingHttpResponse:
    """These rows by a server-side cursor, in constant memory. Columns are paths from the row: `customer__key`.

    `name`, of the file and in the audit trail, is the table's where none is given.
    """
    name = name or english(rows.model._meta.verbose_name_plural)
    header = [path_of(column).replace("__", "_") for column in columns]
    return export_file(request, header, _cells(rows, columns), name=name, customer=customer)


def export_file(
    request: HttpRequest, header: Sequence[str], rows: Iterable[Sequence[Cell]], *, name: str, customer: Customer | None
) -> StreamingHttpResponse:
    """Lines that are made elsewhere, as a file with a name and a day; who asked for it is written down first."""
    at = now()
    asked = {key: values for key, values in request.GET.lists() if any(values)}
    note_export(what=name, filters=asked, customer=customer, at=at, actor=staff_user(request))
    return as_csv(filename(name, customer, at), csv_lines(header, rows))


def as_csv(name: str, lines: Iterable[str]) -> StreamingHttpResponse:
    """A download of these lines, each with its end, as a file of that name."""
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def filename(name: str, customer: Customer | None, at: datetime) -> str:
    """`invoices-2026-11-28.csv`, of one customer `invoices-cus_1-2026-11-28.csv`."""
    parts = [name.replace(" ", "-"), *([customer.key] if customer else []), utc_day(at).isoformat()]
    return "-".join(parts) + ".csv"


def path_of(column: Column) -> str:
    return column.path if isinstance(column, Amount) else column


def _cells(rows: QuerySet[Any], columns: Sequence[Column]) -> Iterator[list[Cell]]:
    currencies = [column.currency for column in columns if isinstance(column, Amount)]
    paths = list(dict.fromkeys([*map(path_of, columns), *currencies]))
    writers = [_writer(column, paths) for column in columns]
    for row in rows.prefetch_related(None).values_list(*paths).iterator(chunk_size=CHUNK):
        yield [write(row) for write in writers]


def _writer(column: Column, paths: list[str]) -> Callable[[Row], Cell]:
    place = paths.index(path_of(column))
    if isinstance(column, str):
        return lambda row: row[place]
    currency = paths.index(column.currency)
    return lambda row: None if row[place] is None else to_major(row[place], row[currency])
