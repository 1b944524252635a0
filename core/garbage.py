"""Looking for garbage seldom.

Python looks through all live objects for cycles again and again, and a portal that is loaded is a million objects: up
to a fifth of the time of a process. Nothing that is loaded at its start is garbage, and what a request or a task leaves
behind may wait.
"""

import gc
from typing import Final

PATIENCE: Final = (100_000, 50, 100)  # new objects before the youngest are looked through; how often before the older


def look_seldom() -> None:
    """From here on, in this process and what it forks. Called when everything is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*PATIENCE)
