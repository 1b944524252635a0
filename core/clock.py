"""The clock, read once at the edge. Verbs take `at` as an argument and never look here."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_travelled: list[datetime] = []


def now() -> datetime:
    """The present instant in UTC, or the one travelled to."""
    return _travelled[-1] if _travelled else datetime.now(UTC)


@contextmanager
def travel_to(at: datetime) -> Iterator[None]:
    """Within the block every `now()` of this process answers `at` (tests and simulations)."""
    if at.tzinfo is None:
        raise ValueError("travel_to needs an instant with a time zone")
    _travelled.append(at.astimezone(UTC))
    try:
        yield
    finally:
        _travelled.pop()
