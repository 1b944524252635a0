"""What a document would come to, credits included: the draft's own steps on the same facts, writing nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from credits.charges import Allocation, ChargeDraft, CorrectionDraft
from credits.selectors import balance, has_credits, open_purses, preview_draw_down, preview_draw_downs
from invoices.charging import (
    CreditRow,
    Held,
    Round,
    Sheet,
    document_credits,
    returned_by,
    rounds,
    undoing,
)
from invoices.corrected import Corrected, read_corrected
from invoices.drawing import held_on
from invoices.lines import LineDraft, total_lines
from invoices.models import Invoice, InvoiceStatus
from invoices.totals import TaxRule, Totals
from invoices.watermarks import GivenBack

if TYPE_CHECKING:
    from credits.selectors import Opened

PREVIEW = "preview"
Step = ChargeDraft | CorrectionDraft


class Credit:
    """A customer's credit as one reading for several previews at one instant, and what they read of lines that are
    corrected; read when it is needed first.

    `has_credit`: whether they ever had any, where somebody knows.
    """

    def __init__(self, customer_id: int, at: datetime, *, has_credit: bool | None = None) -> None:
        self.customer_id, self.at, self.has_credit = customer_id, at, has_credit
        self._known: dict[frozenset[tuple[str, bool]], Corrected] = {}

    @cached_property
    def opened(self) -> "Opened | None":
        """None where they never had any."""
        has_any = has_credits([self.customer_id]) if self.has_credit is None else self.has_credit
        return open_purses(self.customer_id, self.at) if has_any else None

    def corrected(self, lines: Sequence[LineDraft]) -> Corrected:
        """As `read_corrected`. What is read depends on the lines that are corrected, and whether by giving back."""
        asked = frozenset((line.corrects, line.amount < 0) for line in lines if line.corrects)
        if asked not in self._known:
            self._known[asked] = read_corrected(lines)
        return self._known[asked]


@dataclass(frozen=True)
class DocumentPreview:
    """A document before it is made; amounts in minor units.

    `lines` stand on it, `direct` ones are settled by credit alone. `credits` is signed, by key of line; `rows` is what
    each grant pays, `returned` what the document gives back to credit. `charged` is what the direct lines take of the
    balance, below zero what they give back. `taken` is what all of that takes of the settled balance; None where the
    customer never had credit and none is charged.
    """

    customer_id: int
    currency: str
    at: datetime
    totals: Totals
    lines: tuple[LineDraft, ...]
    direct: tuple[LineDraft, ...]
    credits: Mapping[str, int] = field(default_factory=dict)
    rows: tuple[CreditRow, ...] = ()
    returned: int = 0
    charged: int = 0
    taken: int | None = None

    @cached_property
    def balance_after(self) -> int | None:
        """The settled credit afterwards. One query, when it is asked for first."""
        if self.taken is None:
            return None
        return balance(self.customer_id, self.currency, self.at).settled - self.taken


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
    had_credit: bool | None = None,
) -> DocumentPreview:
    """What `draft_invoices` would make of these lines at `at`; `lines` are all of them, also those that wait.

    With `discarding`, the customer's drafts count as given up first, with the credits they hold. For a customer that
    never had credit it is one question more than the sum, none where somebody knows (`had_credit`). With `given_back`
    it is a credit note (`InvoiceDraft`).
    """
    on_document = tuple(line for line in lines if line.settlement != "credit_only")
    direct = tuple(line for line in lines if line.settlement == "credit_only")
    sheet = Sheet(customer_id, currency, billing_on, PREVIEW, on_document, direct)
    rules, billed = read_corrected(on_document, discarding=discarding)
    if not direct and not (has_credits([customer_id]) if had_credit is None else had_credit):
        totals = total_lines(on_document, rule, rules, given_back=given_back)
        return DocumentPreview(customer_id, currency, at, totals, on_document, direct)
    returned = returned_by(sheet, billed)
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
        customer_id=customer_id,
        currency=currency,
        at=at,
        totals=total_lines(on_document, rule, rules, credits.by_line, given_back),
        lines=on_document,
        direct=direct,
        credits=credits.by_line,
        rows=credits.rows,
        returned=sum(returned.values()),
        charged=sum(line.amount for line in direct),
        taken=change - sum(returned.values()) - backs_direct,
    )


class Paid(NamedTuple):
    """A document before it is made, as far as it is shown: totals, what credit pays of it, and what each grant does."""

    totals: Totals
    credits: int = 0
    rows: tuple[CreditRow, ...] = ()


def preview_documents(
    documents: Sequence[Sequence[LineDraft]],
    *,
    customer_id: int,
    currency: str,
    rule: TaxRule,
    billing_on: date,
    at: datetime,
    credit: Credit,
) -> list[Paid]:
    """What each of these would come to if it were the customer's next document: as `preview_document` says, with
    everything that is read read once for all of them. No line of them is settled by credit alone.
    """
    sheets = [Sheet(customer_id, currency, billing_on, PREVIEW, tuple(lines)) for lines in documents]
    every = list(chain.from_iterable(sheet.lines for sheet in sheets))
    rules, billed = credit.corrected(every)
    if credit.opened is None:
        return [Paid(total_lines(sheet.lines, rule, rules)) for sheet in sheets]
    returned = [returned_by(sheet, billed) for sheet in sheets]
    asked = [rounds(sheet, back, at) for sheet, back in zip(sheets, returned, strict=True)]
    outcomes = preview_draw_downs([_steps(made) for made in asked], at, credit.opened)
    paid = [document_credits(*each) for each in zip(sheets, returned, outcomes, strict=True)]
    return [
        Paid(total_lines(sheet.lines, rule, rules, own.by_line), own.total, own.rows)
        for sheet, own in zip(sheets, paid, strict=True)
    ]


def _steps(made: Sequence[Round]) -> list[Step]:
    steps: list[Step] = []
    for one in made:
        steps += [*one.corrections, *one.charges]
    return steps


def _held_by_drafts(customer_id: int) -> list[Held]:
    waiting = Invoice.objects.filter(customer_id=customer_id, status=InvoiceStatus.DRAFT).exclude(
        credits=0, credit_rows=[]
    )
    return held_on(waiting.order_by("pk").values_list("pk", flat=True))


def _change(asked: Sequence[ChargeDraft], outcomes: Mapping[str, Allocation]) -> int:
    """What these charges take of the balance, overdraft included."""
    made = (outcomes[charge.key] for charge in asked if charge.key in outcomes)
    return sum(outcome.covered + outcome.overdraft for outcome in made)
