"""PURE: what plans hands down – lines and the documents they stand on. Amounts in minor units."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from core.periods import Period
from invoices.totals import TaxedAmount, TaxRule, Totals, total_up


@dataclass(frozen=True, slots=True)
class LineDraft:
    """One line before it is stored. `key` is unique for ever and the line's Explain address.

    `corrects` is the key of a billed line that it gives back (part of): it is taxed as that line was, and a credit
    note names that line's invoice.
    """

    key: str
    kind: Literal["fee", "usage"]
    title: str
    detail: str
    starts_at: datetime
    ends_at: datetime
    quantity: Decimal
    amount: int
    unit_amount: Decimal | None = None
    per_units: int = 1
    feature_key: str = ""
    explain: dict[str, Any] = field(default_factory=dict)
    corrects: str = ""


@dataclass(frozen=True, slots=True)
class InvoiceDraft:
    """One document to be drafted: whom it bills, on which date, for which billing period, with which lines."""

    key: str
    customer_id: int
    currency: str
    billing_on: date
    period: Period
    lines: tuple[LineDraft, ...]
    collection: Literal["automatic", "send_invoice"] = "automatic"


def total_lines(lines: Iterable[LineDraft], rule: TaxRule, corrected: Mapping[str, TaxRule]) -> Totals:
    """The totals of a document of these lines; `corrected` has the original rule by key of the line given back."""
    return total_up(
        (
            TaxedAmount(line.amount, corrected[line.corrects]) if line.corrects in corrected else line.amount
            for line in lines
        ),
        rule,
    )
