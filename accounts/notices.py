"""What a room hands to the outbox: a message as data. Every room's `emails.py` builds these."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Attachment(NamedTuple):
    """A file that goes with a message: a PDF, unless it says otherwise."""

    filename: str
    content: bytes
    content_type: str = "application/pdf"


class Attach(NamedTuple):
    """What goes with messages that bring documents: their PDFs, and the data of invoices and credit notes as XML."""

    pdf: bool = True
    xml: bool = False


USUAL = Attach()  # of a customer that has chosen nothing
AGAIN = "again:"  # begins the key of a copy that staff asked for: it tells nobody anything new, and nothing counts it
WITH_PDF = "with_pdf"  # in a message's context: it has its PDFs, whatever the customer chose
# From the names of documents to the files that are wanted; None while one of them is still to be made.
FindFiles = Callable[[Sequence[str], Attach], "list[Attachment] | None"]


@dataclass(frozen=True, slots=True)
class NoticeDraft:
    """A message to be queued once.

    `key` says what it is about and when (`invoice:7:issued`): the same key is queued only once. `template` is a
    file `templates/emails/<template>.txt` whose first line is the subject, then a blank line, then the body; beside
    it stands `<template>.html`. `context` must be JSON and is frozen: what was said stays what was said. `documents`
    names what it brings (`invoice:7`), in words of the room that keeps them; as which files, the customer chooses
    (`accounts.mail.attach_of`). `optional` is the kind
    (`OptionalMail`) by which the customer may have switched it off; without one it is required.
    """

    key: str
    customer_id: int | None
    template: str
    to: list[str]
    context: dict[str, Any] = field(default_factory=dict)
    documents: list[str] = field(default_factory=list)
    optional: str = ""
