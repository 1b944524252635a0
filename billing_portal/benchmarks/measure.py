"""How a measurement is taken and printed."""

import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Measurement:
    """A figure (things per second), the floor's figure in the same unit, and what the floor is."""

    name: str
    unit: str
    figure: float
    floor: float
    floor_is: str
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.figure / self.floor

    def __str__(self) -> str:
        line = f"{self.name:<12} {self.figure:>10,.1f} {self.unit:<12} floor {self.floor:>10,.1f} ({self.floor_is})"
        return f"{line}  ratio {self.ratio:.2f}" + (f"  {self.note}" if self.note else "")


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, wall clock."""
    start = perf_counter()
    work()
    return perf_counter() - start


def peak_memory() -> float:
    """The most memory this process ever had, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
