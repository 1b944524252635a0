import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from billing_portal.tests.admin.refusing import PEOPLE, Fingerprint, known_by_session
from billing_portal.tests.admin.world import TODAY, World, build, kept_apart
from core.clock import travel_to
from core.tests.recorded import Recorded

_world = Recorded(build)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Put there once for the tests of a module, and undone after them; what a test does to it, it undoes itself."""
    with django_db_blocker.unblock(), travel_to(TODAY), kept_apart():
        yield _world.again()


@pytest.fixture(scope="module")
def fingerprint(world: World) -> Fingerprint:
    return Fingerprint()


@pytest.fixture(scope="module")
def clients(world: World) -> Iterator[dict[str, Client]]:
    """Everybody, logged in once. Thousands of refusals are not written to the log, each with its stack."""
    clients = {name: Client() for name in (*PEOPLE, "alice")}
    for name, client in clients.items():
        client.force_login(world.people[name])
    loggers = [logging.getLogger(name) for name in ("django.request", "django.security.csrf", "billing_portal")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    with known_by_session():
        yield clients
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
