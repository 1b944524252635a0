"""Pages of long lists: nobody waits for the exact number of a million rows."""

from fractions import Fraction
from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext

from core import formats
from core.money import round_half_away

REACH = 10_000  # rows that can be paged through; further ones are found by filters, or downloaded


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # not generic at run time
    """Counts no further than REACH."""

    object_list: QuerySet[Any]

    @cached_property
    def found(self) -> int:
        """How many rows there are; REACH + 1: more than can be paged through."""
        return int(self.object_list.order_by().values("pk")[: REACH + 1].count())

    @cached_property
    def count(self) -> int:
        return min(self.found, REACH)

    @property
    def is_cut(self) -> bool:
        return self.found > REACH

    @cached_property
    def words(self) -> str:
        """`1 invoice`, `1,234 invoices`, `about 1,000,000 invoices`, `more than 10,000 invoices`."""
        opts = self.object_list.model._meta
        if not self.is_cut:
            return (
                f"{formats.quantity(self.found)} {opts.verbose_name if self.found == 1 else opts.verbose_name_plural}"
            )
        estimate = 0 if self.object_list.query.where else table_estimate(opts.db_table)
        if estimate > REACH:
            said, figure = gettext("about %(figure)s %(rows)s"), _two_digits(estimate)
        else:
            said, figure = gettext("more than %(figure)s %(rows)s"), REACH
        return said % {"figure": formats.quantity(figure), "rows": opts.verbose_name_plural}

    @property
    def reach(self) -> int:
        return REACH


def table_estimate(table: str) -> int:
    """How many rows PostgreSQL thinks a table has; -1 where it never looked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
        row: tuple[Any, ...] = cursor.fetchone()
    return int(row[0])


def _two_digits(number: int) -> int:
    """An estimate says no more than it knows: 1,234,567 → 1,200,000."""
    step: int = 10 ** max(len(str(number)) - 2, 0)
    return round_half_away(Fraction(number, step)) * step
