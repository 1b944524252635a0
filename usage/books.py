"""The proof of this room: every hour is what its events come to, and no event is left out."""

from collections.abc import Iterator

from core.books import Finding
from usage import measuring, summed_days


def check() -> Iterator[Finding]:
    """One finding per hour that differs from its events, in either direction, and per day that was summed by a
    dimension and differs from its hours. Two queries."""
    for customer_id, feature_id, hour, quantity, events, summed, counted in measuring.different_hours():
        yield Finding(
            rule="an hour of usage equals its events",
            subject=f"usage:customer:{customer_id}:feature:{feature_id}:{hour:%Y-%m-%dT%H}",
            detail=f"events come to {_words(summed, counted)}, the hour says {_words(quantity, events)}",
        )
    for customer_id, feature_id, dimension, day, summed, quantity in summed_days.different_days():
        yield Finding(
            rule="a day by dimension equals its hours",
            subject=f"usage:customer:{customer_id}:feature:{feature_id}:{dimension}:{day:%Y-%m-%d}",
            detail=f"hours come to {quantity}, the day's values to {summed}",
        )


def _words(quantity: object, events: int | None) -> str:
    return "nothing" if events is None else f"{quantity} in {events} events"
