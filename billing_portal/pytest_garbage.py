"""pytest plugin: the tests look for garbage as seldom as the portal does."""

import pytest

from core.garbage import look_seldom


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    look_seldom()
