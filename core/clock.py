"""The clock, read once at the edge. Verbs take `at` as an argument and never look here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_travelled: list[datetime] = []
_sources: list[Callable[[], datetime]] = []


def now() -> datetime:
    """The present instant in UTC, or the one travelled to."""
    if _travelled:
        return _travelled[-1]
    return _sources[-1]() if _sources else datetime.now(UTC)


def use(source: Callable[[], datetime] | None) -> None:
    """From now on this process reads `source`, which several share (simulations only); None: the real clock again."""
    _sources[:] = [source] if source else []


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
