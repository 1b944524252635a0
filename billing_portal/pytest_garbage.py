"""pytest plugin: look for garbage seldom.

Python looks through all live objects for cycles again and again, and a portal with its tests loaded is a million
objects: a fifth of the time of the tests. Nothing that is loaded before the first test is garbage, and what a test
leaves behind may wait.
"""

import gc
from typing import Final

import pytest

PATIENCE: Final = (100_000, 50, 100)  # new objects before the youngest are looked through; how often before the older


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(*PATIENCE)
