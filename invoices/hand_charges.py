"""PURE: a charge or a credit that staff add by hand, as a line – and the line that takes it back. Minor units."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from core.periods import Period, midnight
from invoices.lines import LineDraft

BY_HAND = "by_hand"  # the price model of such a line, in its explain data
PREFIX = "charge:"
TAKEN_BACK = ":taken-back"


@dataclass(frozen=True, slots=True)
class HandCharge:
    """What staff decided: `key` is made with the form, so that a form sent twice adds one charge.

    `amount` in minor units of `currency`, before tax; below zero it is a credit. `period`: the days it is for.
    """

    key: str
    customer_id: int
    title: str
    currency: str
    amount: int
    period: Period

    @property
    def line_key(self) -> str:
        """Of the line, and of its document where it gets one of its own."""
        return f"{PREFIX}{self.customer_id}:{self.key}"


def charge_line(charge: HandCharge, added_on: date) -> LineDraft:
    """The line of a charge that was added on a day."""
    return LineDraft(
        key=charge.line_key,
        kind="fee",
        title=charge.title,
        detail="",
        starts_at=midnight(charge.period.start),
        ends_at=midnight(charge.period.end),
        quantity=Decimal(1),
        amount=charge.amount,
        explain={
            "model": BY_HAND,
            "currency": charge.currency,
            "amount": charge.amount,
            "added_on": added_on.isoformat(),
        },
    )


def taken_back(line: LineDraft) -> LineDraft:
    """The line that makes nothing of it: both stand on the same document."""
    return replace(
        line,
        key=f"{line.key}{TAKEN_BACK}",
        title=f"{line.title} (taken back)",
        amount=-line.amount,
        corrects=line.key,
        explain={**line.explain, "given_back": True},
    )


def can_be_taken_back(key: str) -> bool:
    """Whether the line of that key was added by hand, and is not itself what takes another one back."""
    return key.startswith(PREFIX) and not key.endswith(TAKEN_BACK)
