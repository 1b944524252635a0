"""PURE: a movement as statements show it, and which movements a statement covers."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Stated:
    """One movement. `title` names the grant, or what was charged."""

    sequence: int
    kind: str
    amount: int
    booked_at: datetime
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Cut:
    """Where an earlier statement ended: it covers what was booked before `before` up to the transaction `sequence`."""

    before: datetime
    sequence: int
