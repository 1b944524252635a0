"""What a check of the books finds. Every room yields its own; the roof's `check_books` joins them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: `rule` in words, `subject` the offending row (invoice:7), `detail` expected and found."""

    rule: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.rule} ({self.detail})"
