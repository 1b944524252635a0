"""pytest plugin: one throw-away PostgreSQL for the whole run, and a Valkey for the tests that ask for one."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections
from django.db.backends.postgresql.creation import DatabaseCreation
from django.test import TransactionTestCase

from billing_portal import embedded

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Start the database before pytest-django reads the settings.

    pytest-django does so in this very hook; a wrapper runs before it. The workers of xdist find DATABASE_URL in the
    environment that they inherit, and so share the server of the process that has started them.
    """
    if not os.environ.get("DATABASE_URL"):
        # SIGTERM ends pytest without a word otherwise, and the server would stay.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        stack = contextlib.ExitStack()
        early_config.add_cleanup(stack.close)
        early_config.add_cleanup(functools.partial(os.environ.__delitem__, "DATABASE_URL"))
        os.environ["DATABASE_URL"] = stack.enter_context(embedded.throwaway_postgres())
    return (yield)


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    with embedded.throwaway_valkey() as url:
        yield url


# Made with the database and changed by no test.
KEPT = frozenset(
    {"django_migrations", "django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}
)


@pytest.fixture(scope="session", autouse=True)
def _empty_without_triggers() -> Iterator[None]:
    """Empty the tables after `transaction=True` tests by deleting what is there.

    Django truncates all of them and makes content types and permissions anew, which takes ten times as long. The
    triggers of the tables of money refuse both, as they should; as replica, a session runs without them. Only a
    superuser may say so, which we are on the throw-away server alone.
    """
    test_case: Any = TransactionTestCase  # what is patched is private and has no types

    def empty(case: Any) -> None:
        for name in case._databases_names(include_mirrors=False):
            with connections[name].cursor() as cursor:
                cursor.execute("SELECT set_config('session_replication_role', 'replica', false)")
                cursor.execute(_filled(name))
                for (table,) in cursor.fetchall():
                    cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608 - our own names
                cursor.execute("SELECT set_config('session_replication_role', 'origin', false)")

    def drop(creation: Any, name: str, _verbosity: int) -> None:
        """Also where a request of a browser that is gone still holds a connection."""
        with creation._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {creation._quote_name(name)} WITH (FORCE)")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_case, "_fixture_teardown", empty)
        patch.setattr(DatabaseCreation, "_destroy_test_db", drop)
        yield


@pytest.fixture(scope="module")
def forgets_statistics(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """For tests that let the server look at its tables: what it counted outlives even a transaction that is undone.

    Every later test would be planned, and its estimates told, by rows that are not there.
    """
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        ours = "SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        cursor.execute(f"DELETE FROM pg_statistic WHERE starelid IN ({ours})")  # noqa: S608 - our own words
        cursor.execute(f"UPDATE pg_class SET relpages = 0, reltuples = -1 WHERE oid IN ({ours})")  # noqa: S608


@functools.cache
def _filled(database: str) -> str:
    """A query for the tables that have rows."""
    tables = set(connections[database].introspection.table_names()) - KEPT
    return " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT FROM \"{table}\")"  # noqa: S608 - our own names
        for table in sorted(tables)
    )
