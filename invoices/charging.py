"""PURE: lines → what credit is asked to pay and to take back, and what came of it for the document.

The same steps for a draft and for its preview. A document's charge has the key `<line key>@<document>` and the line's
key as its group, so that a line that corrects it later finds it whatever draft it stood on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from core.periods import midnight, utc_day
from credits.charges import Allocation, ChargeDraft, CorrectionDraft
from invoices.crediting import Billed, chargeable, credits_of, returned_credits
from invoices.lines import LineDraft


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one draft asks of credit: `lines` stand on the document `ref`, `direct` ones are settled by credit alone."""

    customer_id: int
    currency: str
    billing_on: date | None
    ref: str
    lines: tuple[LineDraft, ...] = ()
    direct: tuple[LineDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class CreditRow:
    """What one grant pays of a document, minor units."""

    name: str
    grant: str
    amount: int


@dataclass(frozen=True, slots=True)
class DocumentCredits:
    """Signed credits by key of line, and what each grant pays, in the order drawn."""

    by_line: Mapping[str, int] = field(default_factory=dict)
    rows: tuple[CreditRow, ...] = ()

    @property
    def total(self) -> int:
        """What credit pays of the document, less what the document gives back to it."""
        return sum(self.by_line.values())


NO_CREDITS = DocumentCredits()


class Round(NamedTuple):
    """What is given back, and then charged."""

    corrections: list[CorrectionDraft]
    charges: list[ChargeDraft]


def charge_key(line_key: str, ref: str) -> str:
    """The key of what credit pays of a line of the document `ref`."""
    return f"{line_key}@{ref}"


def rounds(sheet: Sheet, returned: Mapping[str, int], at: datetime) -> list[Round]:
    """What is given back and then charged, in as many rounds as it takes; the document's lines are in the first.

    Direct lines of one group follow each other: what an hour gives back of an earlier hour that is charged here too
    comes a round later. `returned` is what the document's lines give back in credits.
    """
    made = [Round(_returns(sheet, returned), _charges(sheet, returned, at))]
    reached: dict[str, int] = {}  # 2 × round, one more once something of the group is charged in it
    for line in sheet.direct:
        if line.amount:
            group = line.corrects or line.key
            phase = _next_phase(reached.get(group, 0), is_charge=line.amount > 0)
            reached[group] = phase
            if phase // 2 == len(made):
                made.append(Round([], []))
            if line.amount > 0:
                made[phase // 2].charges.append(_direct(sheet, line, at))
            else:
                made[phase // 2].corrections.append(_correction(sheet, line))
    return [Round(each.corrections, sorted(each.charges, key=_booked)) for each in made]


def _next_phase(phase: int, *, is_charge: bool) -> int:
    """Even phases give back, odd ones charge."""
    return phase if (phase % 2 == 1) == is_charge else phase + 1


def _booked(charge: ChargeDraft) -> datetime:
    return charge.booked_at


def _returns(sheet: Sheet, returned: Mapping[str, int]) -> list[CorrectionDraft]:
    return [
        CorrectionDraft(
            key=charge_key(line.key, sheet.ref),
            customer_id=sheet.customer_id,
            group=line.corrects,
            amount=returned[line.key],
            description=line.title,
        )
        for line in sheet.lines
        if line.key in returned
    ]


def _correction(sheet: Sheet, line: LineDraft) -> CorrectionDraft:
    return CorrectionDraft(
        key=line.key,
        customer_id=sheet.customer_id,
        group=line.corrects or line.key,
        amount=-line.amount,
        description=line.title,
    )


def _charges(sheet: Sheet, returned: Mapping[str, int], at: datetime) -> list[ChargeDraft]:
    """What credit is asked to pay of the document; what it does not cover is invoiced."""
    asked = chargeable(sheet.lines, returned)
    return [
        ChargeDraft(
            key=charge_key(line.key, sheet.ref),
            group=line.key,
            customer_id=sheet.customer_id,
            currency=sheet.currency,
            feature_key=line.feature_key,
            amount=asked[line.key],
            booked_at=at,
            may_overdraw=False,
            is_final=False,
            title=line.title,
            line_key=line.key,
        )
        for line in sheet.lines
        if line.key in asked
    ]


def _direct(sheet: Sheet, line: LineDraft, at: datetime) -> ChargeDraft:
    return ChargeDraft(
        key=line.key,
        group=line.corrects or line.key,
        customer_id=sheet.customer_id,
        currency=sheet.currency,
        feature_key=line.feature_key,
        amount=line.amount,
        booked_at=_booked_at(sheet, line, at),
        may_overdraw=True,
        is_final=True,
        title=line.title,
        line_key=line.key,
        details=rated(line),
    )


def _booked_at(sheet: Sheet, line: LineDraft, at: datetime) -> datetime:
    """Usage counts when it ended, a fee on its billing date; where that is today, now: credit granted today pays it."""
    if line.kind == "usage":
        return line.ends_at
    if sheet.billing_on is None or sheet.billing_on == utc_day(at):
        return at
    return midnight(sheet.billing_on)


def rated(line: LineDraft) -> dict[str, Any]:
    """The line as it is kept with its charge, as JSON values: no document has it."""
    return {
        "kind": line.kind,
        "title": line.title,
        "detail": line.detail,
        "starts_at": line.starts_at.isoformat(),
        "ends_at": line.ends_at.isoformat(),
        "quantity": str(line.quantity),
        "unit_amount": None if line.unit_amount is None else str(line.unit_amount),
        "per_units": line.per_units,
        "amount": line.amount,
        "explain": line.explain,
    }


def returned_by(sheet: Sheet, billed: Mapping[str, Billed]) -> dict[str, int]:
    """What the document's correcting lines give back in credits, by their keys."""
    return returned_credits(sheet.lines, billed)


def document_credits(
    sheet: Sheet, returned: Mapping[str, int], allocations: Mapping[str, Allocation]
) -> DocumentCredits:
    """What came of the document's charges."""
    mine = {line.key: allocations.get(charge_key(line.key, sheet.ref)) for line in sheet.lines}
    covered = {key: allocation.covered for key, allocation in mine.items() if allocation}
    return DocumentCredits(credits_of(covered, returned), grant_rows(filter(None, mine.values())))


def grant_rows(allocations: Iterable[Allocation]) -> tuple[CreditRow, ...]:
    """What each grant pays of several charges together."""
    sums: dict[str, CreditRow] = {}
    for allocation in allocations:
        for grant, name, amount in allocation.parts:
            before = sums[grant].amount if grant in sums else 0
            sums[grant] = CreditRow(name, grant, before + amount)
    return tuple(sums.values())


@dataclass(frozen=True, slots=True)
class Held:
    """A line of a document that is given up, and the signed credits on it."""

    key: str
    customer_id: int
    currency: str
    feature_key: str
    title: str
    corrects: str
    ref: str
    credits: int


def undoing(lines: Sequence[Held], why: str, at: datetime) -> tuple[list[CorrectionDraft], list[ChargeDraft]]:
    """What takes back the credits of documents that are given up: returns, then draws of what they had returned.

    What a correcting line had returned is drawn again whatever became of it, so that the line it corrected is paid as
    its own document says.
    """
    backs = [
        CorrectionDraft(
            key=f"{charge_key(line.key, line.ref)}:{why}",
            customer_id=line.customer_id,
            group=charge_key(line.key, line.ref),
            amount=None,
            description=f"{line.title} ({why})",
        )
        for line in lines
        if line.credits > 0
    ]
    return backs, [_drawn_again(line, why, at) for line in lines if line.credits < 0]


def _drawn_again(line: Held, why: str, at: datetime) -> ChargeDraft:
    return ChargeDraft(
        key=f"{charge_key(line.key, line.ref)}:{why}",
        group=line.corrects,
        customer_id=line.customer_id,
        currency=line.currency,
        feature_key=line.feature_key,
        amount=-line.credits,
        booked_at=at,
        may_overdraw=True,
        is_final=True,
        title=f"{line.title} ({why})",
        line_key=line.key,
    )
