from collections.abc import Iterator
from typing import Any

import pytest

from billing_portal.tests.admin.world import TODAY, World, build, kept_apart
from core.clock import travel_to


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Built once for the tests of a module, and undone after them; what a test does to it, it undoes itself."""
    with django_db_blocker.unblock(), travel_to(TODAY), kept_apart():
        yield build()
