"""Credit as the cases of other engines need it: in force since long ago, unrestricted, for ever."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from credits.drawdown import Drawn, Source

NOW = datetime(2026, 4, 10, 9, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)
EARLIER = NOW - timedelta(hours=2)


def source(number: int, available: int, **facts: Any) -> Source:
    """A grant with that much left, unless the facts say otherwise."""
    usual: dict[str, Any] = {"priority": 10, "features": frozenset(), "effective_at": EARLIER, "expires_at": None}
    return Source(id=number, available=available, granted_at=EARLIER, **(usual | facts))


def after(sources: Iterable[Source], result: Drawn) -> list[Source]:
    """What is left of the sources when a charge was drawn."""
    taken = {part.source_id: part.amount for part in result.parts}
    return [replace(one, available=one.available - taken.get(one.id, 0)) for one in sources]
