"""PURE: how an amount is explained: the steps of a sum, and what fell into which tier. plans/explain.py makes them."""

from dataclasses import dataclass, replace
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the sum, and what there is to say about it."""

    figure: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class TierRow:
    """What fell into one tier, as text."""

    name: str
    quantity: str
    price: str
    flat: str
    amount: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """`amount` is what the stored data comes to, in minor units; the same as the line's, or the books are wrong."""

    amount: int
    steps: tuple[Step, ...]
    tiers: tuple[TierRow, ...] = ()
    quantity: Decimal | None = None

    def noted(self, note: str) -> "Explanation":
        """The same with more to say about its first step."""
        first, *others = self.steps
        notes = "; ".join(filter(None, (note, first.note)))
        return replace(self, steps=(Step(first.figure, notes), *others))

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """(figure, note) of each step; figures with a note beside them are as wide as each other."""
        width = max((len(step.figure) for step in self.steps if step.note), default=0)
        return tuple((f"{step.figure:<{width}}  " if step.note else step.figure, step.note) for step in self.steps)

    @property
    def text(self) -> str:
        """The sum as it is printed, a step per line."""
        return "\n".join(figure + note for figure, note in self.columns)
