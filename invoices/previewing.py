"""What a document would come to, credits included: the draft's own steps on the same facts, writing nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain

from credits.charges import Allocation, ChargeDraft, CorrectionDraft
from credits.selectors import balances_of, has_credits, preview_draw_down
from invoices.charging import (
    CreditRow,
    Held,
    Sheet,
    document_credits,
    returned_by,
    rounds,
    undoing,
)
from invoices.drawing import billed_with, held_on
from invoices.lines import LineDraft, total_lines
from invoices.models import Invoice, InvoiceStatus
from invoices.selectors import corrected_rules
from invoices.totals import TaxRule, Totals
from invoices.watermarks import GivenBack

PREVIEW = "preview"
Step = ChargeDraft | CorrectionDraft


@dataclass(frozen=True, slots=True)
class DocumentPreview:
    """A document before it is made; amounts in minor units.

    `lines` stand on it, `direct` ones are settled by credit alone. `credits` is signed, by key of line; `rows` is what
    each grant pays, `returned` what the document gives back to credit. `charged` is what the direct lines take of the
    balance, below zero what they give back. `balance_after` is the settled credit afterwards; None where the customer
    never had any and none is charged.
    """

    totals: Totals
    lines: tuple[LineDraft, ...]
    direct: tuple[LineDraft, ...]
    credits: Mapping[str, int]
    rows: tuple[CreditRow, ...]
    returned: int
    charged: int
    balance_after: int | None


def preview_document(
    *,
    customer_id: int,
    currency: str,
    lines: Sequence[LineDraft],
    rule: TaxRule,
    billing_on: date,
    at: datetime,
    discarding: bool = False,
    given_back: GivenBack | None = None,
) -> DocumentPreview:
    """What `draft_invoices` would make of these lines at `at`; `lines` are all of them, also those that wait.

    With `discarding`, the customer's drafts count as given up first, with the credits they hold. For a customer that
    never had credit it is one question more than the sum. With `given_back` it is a credit note (`InvoiceDraft`).
    """
    on_document = tuple(line for line in lines if line.settlement != "credit_only")
    direct = tuple(line for line in lines if line.settlement == "credit_only")
    sheet = Sheet(customer_id, currency, billing_on, PREVIEW, on_document, direct)
    corrected = corrected_rules(on_document)
    if not direct and not has_credits([customer_id]):
        totals = total_lines(on_document, rule, corrected, given_back=given_back)
        return DocumentPreview(totals, on_document, direct, {}, (), 0, 0, None)
    returned = returned_by(sheet, billed_with(on_document, discarding=discarding))
    given_up = _held_by_drafts(customer_id) if discarding else []
    backs, again = undoing(given_up, "discarded", at)
    each_round = rounds(sheet, returned, at)
    asked = [charge for one in each_round for charge in one.charges]
    booked: Iterator[Step] = chain.from_iterable((*one.corrections, *one.charges) for one in each_round)
    steps: list[Step] = [*backs, *again, *booked]
    outcomes = preview_draw_down(steps, at)
    credits = document_credits(sheet, returned, outcomes)
    change = _change(asked, outcomes) - sum(line.credits for line in given_up if line.currency == currency)
    backs_direct = -sum(min(line.amount, 0) for line in direct)
    return DocumentPreview(
        totals=total_lines(on_document, rule, corrected, credits.by_line, given_back),
        lines=on_document,
        direct=direct,
        credits=credits.by_line,
        rows=credits.rows,
        returned=sum(returned.values()),
        charged=sum(line.amount for line in direct),
        balance_after=_settled(customer_id, currency, at) - change + sum(returned.values()) + backs_direct,
    )


def _held_by_drafts(customer_id: int) -> list[Held]:
    waiting = Invoice.objects.filter(customer_id=customer_id, status=InvoiceStatus.DRAFT).exclude(
        credits=0, credit_rows=[]
    )
    return held_on(waiting.order_by("pk").values_list("pk", flat=True))


def _change(asked: Sequence[ChargeDraft], outcomes: Mapping[str, Allocation]) -> int:
    """What these charges take of the balance, overdraft included."""
    made = (outcomes[charge.key] for charge in asked if charge.key in outcomes)
    return sum(outcome.covered + outcome.overdraft for outcome in made)


def _settled(customer_id: int, currency: str, at: datetime) -> int:
    held = balances_of([customer_id], at).get(customer_id, [])
    return next((balance.settled for balance in held if balance.currency == currency), 0)
