"""Rows whose number is one of very many, as one array: `IN` would send, parse and plan a parameter for each."""

from collections.abc import Collection

from django.core.exceptions import EmptyResultSet
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Lookup
from django.db.models.sql.compiler import SQLCompiler


class AnyOf(Lookup):
    """A condition for `filter`. Asks nothing where there are no numbers, as an empty `IN`."""

    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:
        if not self.rhs:
            raise EmptyResultSet
        column, params = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s::bigint[])", (*params, "{" + ",".join(map(str, self.rhs)) + "}")


def any_of(name: str, numbers: Collection[int]) -> AnyOf:
    """`Invoice.objects.filter(any_of("customer_id", ids))`, for `customer_id__in=ids`."""
    return AnyOf(F(name), tuple(numbers))
