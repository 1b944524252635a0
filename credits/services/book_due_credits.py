from collections.abc import Iterable
from datetime import datetime


def book_due_credits(*, customer_ids: Iterable[int], at: datetime) -> int:
    """Book the releases and expiries that are due; how many."""
    raise NotImplementedError
