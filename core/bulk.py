"""Many new rows of one table by COPY: several times faster than INSERT, and the rows know their ids afterwards."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models

Row = TypeVar("Row", bound=models.Model)

RESERVE = "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"
ENCODER = DjangoJSONEncoder(ensure_ascii=False, separators=(",", ":"))


def copy_rows(rows: Sequence[Row]) -> Sequence[Row]:
    """Store unsaved instances of one model, giving each its id from the table's own sequence.

    As `bulk_create`, but without signals and without "ignore what is there": a key that exists raises
    IntegrityError. Constraints and triggers of the table hold as ever.
    """
    if not rows:
        return rows
    model = type(rows[0])
    statement, columns = _plan(model)
    with connection.cursor() as cursor:
        cursor.execute(RESERVE, [model._meta.db_table, model._meta.pk.column, len(rows)])
        for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = number
        with cursor.copy(statement) as copy:
            for row in rows:
                values = row.__dict__
                copy.write_row([convert(values[name]) if convert else values[name] for name, convert in columns])
    for row in rows:
        row._state.adding = False
        row._state.db = connection.alias
    return rows


@cache
def _plan(model: type[models.Model]) -> tuple[str, tuple[tuple[str, Callable[[Any], Any] | None], ...]]:
    """The COPY statement of a model, and how each attribute becomes a value of it."""
    fields = model._meta.concrete_fields
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in fields)
    columns = tuple((field.attname, _json if isinstance(field, models.JSONField) else None) for field in fields)
    return f"COPY {quote(model._meta.db_table)} ({names}) FROM STDIN", columns


def _json(value: Any) -> str:
    return ENCODER.encode(value)
