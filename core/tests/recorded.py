"""Rows that are made by verbs once, and put back as they were for every later test.

The demo price list takes forty statements, and two thousand tests begin with it.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Generic, TypeVar

from django.db import connection

# The triggers that keep published plans as they are would refuse their prices after them.
TRIGGERS = "SELECT set_config('session_replication_role', '{}', false);"


Made = TypeVar("Made")


class Recorded(Generic[Made]):
    """What `make` returns, and its rows; its ids are the same in every test then.

    Where it builds on rows, these have to be recorded ones too.
    """

    def __init__(self, make: Callable[..., Made]) -> None:
        self.make = make
        self.made: tuple[Made] | None = None
        self.script = ""

    def again(self, *on: object) -> Made:
        """`on` is what it is made from."""
        if self.made is None:
            before = rows()
            self.made = (self.make(*on),)
            self.script = script(before, rows())
        else:
            with connection.cursor() as cursor:
                cursor.execute(self.script)
        return deepcopy(self.made[0])


@cache
def every_row(tables: tuple[str, ...]) -> str:
    return " UNION ALL ".join(f"SELECT '{name}', to_jsonb(t)::text FROM \"{name}\" t" for name in tables)  # noqa: S608


def rows() -> dict[str, set[str]]:
    tables = connection.introspection.table_names()
    found: dict[str, set[str]] = {name: set() for name in tables}
    with connection.cursor() as cursor:
        cursor.execute(every_row(tuple(tables)))
        for table, row in cursor:
            found[table].add(row)
    return found


def script(before: dict[str, set[str]], after: dict[str, set[str]]) -> str:
    """Statements that make the one of the other, whatever order they stand in."""
    parts = []
    with connection.cursor() as cursor:
        for table, now in after.items():
            for verb, found in (
                (f'DELETE FROM "{table}" t USING {{}} gone WHERE t.id = gone.id;', before[table] - now),  # noqa: S608
                (f'INSERT INTO "{table}" SELECT * FROM {{}};', now - before[table]),  # noqa: S608
            ):
                if found:
                    given = f'jsonb_populate_recordset(NULL::"{table}", %s)'
                    parts.append(cursor.mogrify(verb.format(given), [f"[{','.join(found)}]"]))
    return TRIGGERS.format("replica") + "".join(parts) + TRIGGERS.format("origin")
