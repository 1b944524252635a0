"""What a room hands to the outbox: a message as data. Every room's `emails.py` builds these."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class NoticeDraft:
    """A message to be queued once.

    `key` says what it is about and when (`invoice:7:issued`): the same key is queued only once. `template` is a
    file `templates/emails/<template>.txt` whose first line is the subject, then a blank line, then the body.
    `context` must be JSON and is frozen: what was said stays what was said.
    """

    key: str
    customer_id: int | None
    template: str
    to: list[str]
    context: dict[str, Any] = field(default_factory=dict)
