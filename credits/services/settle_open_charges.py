from collections.abc import Iterable
from datetime import datetime


def settle_open_charges(*, ids: Iterable[int], at: datetime) -> int:
    """Draw down open charges whose time has come; how many."""
    raise NotImplementedError
