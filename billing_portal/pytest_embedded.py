"""pytest plugin: one throw-away PostgreSQL for the whole run, and a Valkey for the tests that ask for one."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
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


@pytest.fixture(scope="session", autouse=True)
def _flush_without_triggers() -> Iterator[None]:
    """Let `transaction=True` tests empty the tables of money.

    Their triggers refuse TRUNCATE, as they should, and Django empties tables with it after such a test. As replica,
    a session runs without triggers; only a superuser may say so, which we are on the throw-away server alone.
    """
    test_case: Any = TransactionTestCase  # what is patched is private and has no types
    flush = test_case._fixture_teardown

    def flush_as_replica(case: Any) -> None:
        names = case._databases_names(include_mirrors=False)
        _set_role(names, "replica")
        flush(case)
        _set_role(names, "origin")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_case, "_fixture_teardown", flush_as_replica)
        yield


def _set_role(database_names: Any, role: str) -> None:
    for name in database_names:
        with connections[name].cursor() as cursor:
            cursor.execute("SELECT set_config('session_replication_role', %s, false)", [role])
