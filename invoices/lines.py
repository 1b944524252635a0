"""PURE: what plans hands down – lines and the documents they stand on. Amounts in minor units."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from core.periods import Period
from invoices.totals import NO_TAX, TaxedAmount, TaxRule, Totals, total_up
from invoices.watermarks import GivenBack, total_note

Settlement = Literal["credit_then_invoice", "credit_only"]


@dataclass(frozen=True, slots=True)
class LineDraft:
    """One line before it is stored. `key` is unique for ever and the line's Explain address.

    A line of kind `credits` sells credit, so no credit pays for it.

    `corrects` is the key of a billed line that it gives back (part of): it is taxed as that line was, and a credit
    note names that line's invoice.

    `settlement` says what pays for it: credit first and a document for the rest, or credit alone – such a line never
    stands on a document; what it costs (or, below zero, gives back) is booked under `corrects`, else under its own key.
    """

    key: str
    kind: Literal["fee", "usage", "credits"]
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
    settlement: Settlement = "credit_then_invoice"


# What is stored of a line; how it settles is decided by then.
STORED = tuple(each.name for each in fields(LineDraft) if each.name != "settlement")

START = ":start"  # ends the key of a plan's first invoice, which is paid before the plan begins

GoesTo = Literal["order", "kept", "payment"]


@dataclass(frozen=True, slots=True)
class InvoiceDraft:
    """One document to be drafted: whom it bills, on which date, for which billing period, with which lines.

    `given_back` makes it a credit note of one invoice, after what was given back of it before: it stands alone, and
    nothing that waits joins it. `goes_to` and `goes_first_to` (a payment's id) say where its money goes.
    `payment_terms`: days from its issue until it is due, where nothing is charged; None: the setting's. Nothing that
    waits joins a document that is `alone`.
    """

    key: str
    customer_id: int
    currency: str
    billing_on: date
    period: Period
    lines: tuple[LineDraft, ...]
    collection: Literal["automatic", "send_invoice"] = "automatic"
    given_back: GivenBack | None = None
    goes_to: GoesTo = "order"
    goes_first_to: int | None = None
    payment_terms: int | None = None
    alone: bool = False


def total_lines(
    lines: Iterable[LineDraft],
    rule: TaxRule,
    corrected: Mapping[str, TaxRule],
    credits: Mapping[str, int] | None = None,
    given_back: GivenBack | None = None,
) -> Totals:
    """The totals of a document of these lines; `corrected` has the original rule by key of the line given back.

    `credits` is what credit pays of a line, by its key (below zero: what is given back to credit): a reduction of the
    price, so that it is taken off before tax. With `given_back` they are a credit note's, taxed by its watermark.
    """
    paid = credits or {}
    amounts = [(line.amount - paid.get(line.key, 0), corrected.get(line.corrects)) for line in lines]
    if given_back is not None:
        return total_note((TaxedAmount(amount, own or NO_TAX) for amount, own in amounts), given_back)
    return total_up((_taxed(amount, own) for amount, own in amounts), rule)


def _taxed(amount: int, own: TaxRule | None) -> int | TaxedAmount:
    return amount if own is None else TaxedAmount(amount, own)
