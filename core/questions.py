"""Questions that jobs and the books' checks ask again and again, and that mostly have no answer: built and compiled
once, asked with other values each time.

To build and compile one takes Django longer than it takes the database to answer it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache, wraps
from typing import Any, Final, ParamSpec, TypeVar

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, DateTimeField, DurationField, Expression, Field, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from core.due import Due

P = ParamSpec("P")
Rows = TypeVar("Rows", bound="QuerySet[Any, Any]")

FIELDS: Final[dict[type, Callable[[], "Field[Any, Any]"]]] = {
    datetime: DateTimeField,
    int: BigIntegerField,
    timedelta: DurationField,
}


def built_once(build: Callable[P, Rows]) -> Callable[P, Rows]:
    """Decorates what returns rows that depend on its arguments alone, which are hashable: a copy of them each time.

    Building costs about half of what asking costs. For rows that are narrowed down or joined further; where nothing is,
    a `Question` is cheaper still.
    """
    built = cache(build)

    @wraps(build)
    def copied(*args: P.args, **kwargs: P.kwargs) -> Rows:
        return built(*args, **kwargs).all()  # type: ignore[arg-type]  # cache: hashable ones alone

    return copied


class Given(Expression):
    """Stands for a value that is known when the question is asked."""

    def __init__(self, name: str, kind: type) -> None:
        super().__init__(output_field=FIELDS[kind]())
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)


class Question:
    """`build` gets a `Given` for each value, or None where that is None, and returns rows of plain columns
    (`values_list`): numbers, texts and instants. What it returns may depend on nothing else."""

    def __init__(self, build: Callable[..., "QuerySet[Any, Any]"]) -> None:
        self.build = build
        self.compiled: dict[frozenset[str], tuple[str, tuple[Any, ...]]] = {}

    def ask(self, **values: Any) -> list[Any]:
        """Its rows now. One query."""
        kinds = {name: type(value) for name, value in values.items() if value is not None}
        sql, params = self._compiled(kinds, frozenset(values.keys() - kinds.keys()))
        with connection.cursor() as cursor:
            cursor.execute(sql, [values[each.name] if isinstance(each, Given) else each for each in params])
            rows: list[Any] = cursor.fetchall()
        return rows

    def _compiled(self, kinds: dict[str, type], nothing: frozenset[str]) -> tuple[str, tuple[Any, ...]]:
        if nothing not in self.compiled:
            given = {name: Given(name, kind) for name, kind in kinds.items()} | dict.fromkeys(nothing)
            sql, params = self.build(**given).query.get_compiler(connection=connection).as_sql()
            self.compiled[nothing] = sql, tuple(params)
        return self.compiled[nothing]


class DueQuestion(Question):
    """What is due at an instant, of one customer or of everybody: rows of (id, customer, present)."""

    def __call__(self, at: datetime, customer_id: int | None = None, **more: Any) -> list[Due]:
        return [Due(*row) for row in self.ask(at=at, customer_id=customer_id, **more)]
