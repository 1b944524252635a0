"""What a run did, step by step: how many, how long, and who was parked."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Step:
    """One step of a run, over all its rounds: how many it did, and for how long (milliseconds)."""

    done: int = 0
    took_ms: int = 0


@dataclass
class RunReport:
    """What a run did; amounts stay with the documents, this counts."""

    at: str
    settled: int = 0
    calculated: int = 0
    finalized: int = 0
    changed: int = 0
    collected: int = 0
    declined: int = 0
    resolved: int = 0
    documents: int = 0
    notices: int = 0
    parked: list[str] = field(default_factory=list)
    steps: dict[str, Step] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)  # by customer id, why somebody was parked

    def as_dict(self) -> dict[str, object]:
        """The counts and who was parked, as the command prints them."""
        left_out = ("steps", "reasons")
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def measured(self, step: str, do: Callable[[], int]) -> int:
        """Do a step and note how many it did and how long it took; a step that did nothing leaves no trace."""
        began = time.perf_counter()
        done = do()
        if done:
            kept = self.steps.setdefault(step, Step())
            kept.done += done
            kept.took_ms += round((time.perf_counter() - began) * 1_000)
        return done

    def park(self, customer_id: int, reason: str) -> None:
        """Note that a customer is left out from now on."""
        self.parked.append(f"customer:{customer_id}")
        self.reasons[customer_id] = reason

    @property
    def did_something(self) -> bool:
        return bool(self.steps or self.parked)
