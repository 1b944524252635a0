"""The one place where lines are paid by credit, and give it back."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest

from accounts.models import User
from credits.charges import Allocation
from credits.selectors import has_credits
from credits.services.correct_draw_down import correct_draw_down
from credits.services.draw_down_credits import draw_down_credits
from invoices.charging import (
    NO_CREDITS,
    DocumentCredits,
    Held,
    Round,
    Sheet,
    document_credits,
    returned_by,
    rounds,
    undoing,
)
from invoices.crediting import Billed
from invoices.models import InvoiceLine


def draw_down(
    sheets: Sequence[Sheet], billed: Mapping[str, Billed], at: datetime, actor: User | None
) -> dict[str, DocumentCredits]:
    """Give back and pay, in that order, for any number of drafts; what came of each document, by its `ref`.

    `billed`: what is left of the lines that those on documents give something back of, as `read_corrected` says.
    Documents of customers that never had credit are absent: for them it is one question. The caller has locked the
    customers. Raises CorrectionError where a direct line gives back more than its group was charged.
    """
    owners = has_credits({sheet.customer_id for sheet in sheets if sheet.lines}) if _any_lines(sheets) else set()
    concerned = [sheet for sheet in sheets if sheet.direct or sheet.customer_id in owners]
    if not concerned:
        return {}
    returned = {sheet.ref: returned_by(sheet, billed) for sheet in concerned}
    asked = [rounds(sheet, returned[sheet.ref], at) for sheet in concerned]
    paid: dict[str, Allocation] = {}
    for parallel in zip_longest(*asked, fillvalue=Round([], [])):
        paid |= _book(parallel, at, actor)
    made = {sheet.ref: document_credits(sheet, returned[sheet.ref], paid) for sheet in concerned if sheet.lines}
    return {ref: credits for ref, credits in made.items() if credits != NO_CREDITS}


def _book(parallel: Sequence[Round], at: datetime, actor: User | None) -> dict[str, Allocation]:
    """One round of any number of drafts."""
    backs = [each for one in parallel for each in one.corrections]
    asked = [each for one in parallel for each in one.charges]
    if backs:
        correct_draw_down(corrections=backs, at=at, actor=actor)
    return draw_down_credits(charges=asked, at=at, actor=actor) if asked else {}


def _any_lines(sheets: Iterable[Sheet]) -> bool:
    return any(sheet.lines for sheet in sheets)


def undo(invoice_ids: Iterable[int], why: str, at: datetime, actor: User | None) -> None:
    """Take back what these documents did with credit, before they are given up. `why` is a word for the history."""
    backs, again = undoing(held_on(invoice_ids), why, at)
    if backs:
        correct_draw_down(corrections=backs, at=at, actor=actor)
    if again:
        draw_down_credits(charges=again, at=at, actor=actor)


def held_on(invoice_ids: Iterable[int]) -> list[Held]:
    """The lines of these documents that credit pays or goes back from, in their order."""
    lines = InvoiceLine.objects.filter(invoice__in=list(invoice_ids)).exclude(credits=0)
    return [
        Held(
            key=line.key,
            customer_id=line.customer_id,
            currency=line.currency,
            feature_key=line.feature_key,
            title=line.title,
            corrects=line.corrects,
            ref=str(line.invoice_id),
            credits=line.credits,
        )
        for line in lines.order_by("invoice", "position")
    ]
