"""Charges that credit settles alone, of any number of customers at once."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from django.db import transaction

from accounts.models import User
from accounts.services.lock_customers import lock_customers
from invoices.charging import Sheet
from invoices.drawing import draw_down
from invoices.lines import LineDraft

Owner = tuple[int, str]  # customer id, currency


@transaction.atomic
def settle_lines(*, lines: Mapping[Owner, Sequence[LineDraft]], at: datetime, actor: User | None = None) -> int:
    """Draw down what is above zero and give back what is below, in the order given: by customer id and currency.

    Only lines of settlement `credit_only`; nothing is stored of them but their charges. A key that is charged already
    stays as it is. Queries depend on how often a customer's lines change their sign, not on how many there are.
    Returns how many lines there were. Raises CorrectionError where more is given back than was charged.
    """
    lock_customers({customer_id for customer_id, _currency in lines})
    turns: list[list[Sheet]] = []
    for (customer_id, currency), drafts in lines.items():
        for turn, run in enumerate(_runs(drafts)):
            turns.extend([] for _ in range(turn + 1 - len(turns)))
            turns[turn].append(Sheet(customer_id, currency, None, "", direct=run))
    for sheets in turns:
        draw_down(sheets, {}, at, actor)  # all of them direct
    return sum(len(drafts) for drafts in lines.values())


def _runs(lines: Sequence[LineDraft]) -> Iterator[tuple[LineDraft, ...]]:
    """Neighbours of one sign: something is given back only after it was charged."""
    moving = (line for line in lines if line.amount)
    for _is_negative, run in groupby(moving, key=lambda line: line.amount < 0):
        yield tuple(run)
