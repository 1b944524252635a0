"""PURE: the states of a document and the moves between them. The database's trigger knows the same table.

Past due and processing are no states: they are read off the due date and the payments.
"""

from enum import StrEnum


class Move(StrEnum):
    """What a verb does to a document."""

    FINALIZE = "finalize"
    SETTLE = "settle"
    DISCARD = "discard"
    WRITE_OFF = "write off"
    VOID = "void"


MOVES = {
    ("draft", Move.FINALIZE): "open",
    ("draft", Move.SETTLE): "paid",  # a total of 0 is paid as it is issued
    ("draft", Move.DISCARD): "void",
    ("open", Move.SETTLE): "paid",
    ("open", Move.WRITE_OFF): "uncollectible",
    ("open", Move.VOID): "void",
    ("uncollectible", Move.SETTLE): "paid",
    ("uncollectible", Move.VOID): "void",
}


class MoveError(ValueError):
    """The document cannot make this move from where it is."""


def after(status: str, move: Move) -> str:
    """The status after a move. Raises MoveError: paid and void are final, a draft is discarded, never voided."""
    if (status, move) not in MOVES:
        raise MoveError(f"{status} cannot be moved by {move}")
    return MOVES[status, move]
