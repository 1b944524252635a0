"""PURE: which part of a document's lines credit may pay, and what a line that gives back returns to credit.

Amounts in minor units. A line below zero gives money back first and lowers the other lines with it, the same feature's
before the rest; only what is left of a line then is charged to credits. So credit never makes a document negative, and
it is never spent on what another line of the same document takes off again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from invoices.lines import LineDraft


@dataclass(frozen=True, slots=True)
class Billed:
    """What a billed line that is corrected was paid with, less what earlier corrections gave back; never below zero."""

    money: int
    credits: int


def returned_credits(lines: Sequence[LineDraft], billed: Mapping[str, Billed]) -> dict[str, int]:
    """What each correcting line gives back in credits, above zero, by its key; the others are absent.

    `billed` has what is left of the corrected lines by their keys. Money is given back first. Several lines that
    correct the same one follow each other; what is more than was billed is money.
    """
    left = dict(billed)
    returned = {}
    for line in lines:
        held = left.get(line.corrects)
        if held is not None and line.amount < 0:
            money = min(-line.amount, held.money)
            credits = min(-line.amount - money, held.credits)
            left[line.corrects] = Billed(held.money - money, held.credits - credits)
            if credits:
                returned[line.key] = credits
    return returned


def chargeable(lines: Sequence[LineDraft], returned: Mapping[str, int]) -> dict[str, int]:
    """What of each line may be charged to credits, above zero, by its key, in the order of the document. Credit never
    pays for credit.

    What lines below zero give back as money reduces the others first: those of the same feature, then any, both from
    the last line backwards. `returned` is what `returned_credits` answered.
    """
    left = {line.key: 0 if line.kind == "credits" else max(line.amount, 0) for line in lines}
    owed = [(line, -line.amount - returned.get(line.key, 0)) for line in lines if line.amount < 0]
    still = [(line, _reduce(left, lines, owed_, _same_feature(line))) for line, owed_ in owed]
    for _, rest in still:
        _reduce(left, lines, rest, _any_feature)
    return {key: amount for key, amount in left.items() if amount}


def credits_of(covered: Mapping[str, int], returned: Mapping[str, int]) -> dict[str, int]:
    """Signed credits by key of line: what credit pays, and below zero what goes back to it."""
    return {key: amount for key, amount in covered.items() if amount} | {key: -back for key, back in returned.items()}


def _reduce(left: dict[str, int], lines: Sequence[LineDraft], amount: int, fits: Callable[[LineDraft], bool]) -> int:
    """Take `amount` off the lines that fit, the last one first; what is left of it."""
    for line in reversed(lines):
        if fits(line):
            taken = min(amount, left[line.key])
            left[line.key] -= taken
            amount -= taken
    return amount


def _same_feature(giving: LineDraft) -> Callable[[LineDraft], bool]:
    return lambda line: line.feature_key == giving.feature_key


def _any_feature(_line: LineDraft) -> bool:
    return True
