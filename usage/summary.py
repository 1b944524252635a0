"""What became of an imported file."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

EXAMPLES = 5


@dataclass(slots=True)
class ImportSummary:
    """What became of the lines. `rejected`: code → number; `examples`: the first few, with line and reason."""

    lines: int = 0
    bytes_read: int = 0
    accepted: int = 0
    duplicates: int = 0
    later: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    first: datetime | None = None
    last: datetime | None = None

    def reject(self, number: int, code: str, message: str) -> None:
        self.rejected[code] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(f"line {number}: {message}")

    @property
    def kept(self) -> int:
        """Events that are in the books now, whether this run brought them or an earlier one."""
        return self.accepted + self.duplicates

    def cover(self, times: Iterable[datetime]) -> None:
        """Widen `first` and `last` to these instants."""
        known = [*times, *(edge for edge in (self.first, self.last) if edge is not None)]
        if known:
            self.first, self.last = min(known), max(known)

    def as_dict(self) -> dict[str, object]:
        """JSON values."""
        return {
            "lines": self.lines,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "later": self.later,
            "rejected": dict(self.rejected),
            "examples": self.examples,
            "first": self.first and self.first.isoformat(),
            "last": self.last and self.last.isoformat(),
        }

    def as_text(self) -> str:
        """A few lines for the person at the terminal."""
        rows = [f"{self.lines:,} lines read", f"{self.accepted:,} events new"]
        if self.duplicates:
            rows.append(f"{self.duplicates:,} were there already")
        if self.later:
            rows.append(f"{self.later:,} left for later")
        rows += [f"{count:,} rejected: {code}" for code, count in self.rejected.most_common()]
        rows += [f"  {example}" for example in self.examples]
        if self.first and self.last:
            rows.append(f"from {self.first:%Y-%m-%d %H:%M:%S} to {self.last:%Y-%m-%d %H:%M:%S} UTC")
        return "\n".join(rows)
