"""PURE: what becomes of a credit note – open invoices first, then back to the card that paid, the rest is kept."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """An invoice or a payment by its id, and minor units: what it can take, or what it gets."""

    id: int
    amount: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """Where a credit goes; `applied`, `refunded` and `kept` sum to it."""

    applied: tuple[Part, ...]
    refunded: tuple[Part, ...]
    kept: int


def settle(credit: int, invoices: Sequence[Part], payments: Sequence[Part], first: Sequence[Part] = ()) -> Settlement:
    """Split a credit over what is due on invoices and over what payments can still give back, in the order given.

    `credit` is what is left of a credit note; payments that stand `first` get theirs before the invoices. Raises
    ValueError where any amount is negative.
    """
    if credit < 0:
        raise ValueError("a credit is not negative")
    before, rest = _fill(credit, first)
    applied, rest = _fill(rest, invoices)
    refunded, kept = _fill(rest, payments)
    return Settlement(applied, before + refunded, kept)


def _fill(credit: int, places: Sequence[Part]) -> tuple[tuple[Part, ...], int]:
    """What each place gets until nothing is left; and the rest."""
    parts = []
    for place in places:
        if place.amount < 0:
            raise ValueError(f"{place.id} can take no negative amount")
        amount = min(credit, place.amount)
        credit -= amount
        if amount:
            parts.append(Part(place.id, amount))
    return tuple(parts), credit


class RefundTooHighError(ValueError):
    """More than the payment has left to give back."""


def refundable(paid: int, refunded: int, asked: int) -> int:
    """`asked` where the payment can still give it back. Raises RefundTooHighError, ValueError below zero."""
    if asked < 0:
        raise ValueError("a refund is not negative")
    if asked > paid - refunded:
        raise RefundTooHighError(f"{asked} asked, {paid - refunded} left of {paid}")
    return asked
