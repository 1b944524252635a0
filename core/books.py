"""What a check of the books finds. Every room yields its own; the roof's `check_books` joins them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: `rule` in words, `subject` the offending row (invoice:7), `detail` expected and found.

    A note breaks none – no money differs –, but somebody should know of it: what could not be compared, what waits.
    """

    rule: str
    subject: str
    detail: str
    is_note: bool = False

    def __str__(self) -> str:
        return f"{self.subject}: {self.rule} ({self.detail})"
