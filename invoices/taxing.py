"""The tax and credit rows of a document as text: one source for page, PDF, mail and preview."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from core import formats
from invoices.totals import TaxRow, row_from


class Taxed(Protocol):
    """A document with its tax rows as JSON values."""

    currency: str
    taxes: list[dict[str, object]]


class TaxText(NamedTuple):
    """`VAT 20 % of $51.35`, and the amount."""

    label: str
    amount: str


def tax_texts(document: Taxed, sign: int = 1) -> tuple[TaxText, ...]:
    """The rows of a document; `sign` -1 prints a credit note's amounts positive."""
    return row_texts((row_from(values) for values in document.taxes), document.currency, sign)


def row_texts(rows: Iterable[TaxRow], currency: str, sign: int = 1) -> tuple[TaxText, ...]:
    """One text per rate that has a name; what is not taxed at all has none."""
    return tuple(
        TaxText(row_label(row, currency, sign), formats.money(sign * row.tax, currency))
        for row in rows
        if row.rule.label
    )


class Credited(Protocol):
    """A document with what credit pays of it: `credit_rows` per grant, `credits` less what it gives back."""

    currency: str
    credits: int
    credit_rows: list[dict[str, Any]]


def credit_texts(document: Credited, sign: int = 1) -> tuple[TaxText, ...]:
    """A row per grant that pays, below zero; and one for what goes back to credit. `sign` as in `tax_texts`."""
    used = sum(int(row["amount"]) for row in document.credit_rows)
    texts = [
        TaxText(f"Credits used: {row['name']}", formats.money(-sign * int(row["amount"]), document.currency))
        for row in document.credit_rows
    ]
    back = used - document.credits
    if back:
        texts.append(TaxText("Credits returned to your balance", formats.money(sign * back, document.currency)))
    return tuple(texts)


def ledger_text(sequence: int | None, head: str) -> str:
    """`Credit ledger #123 · 9f3a…`: what the customer can verify the ledger against; empty where there is none."""
    return f"Credit ledger #{sequence} · {head}" if sequence and head else ""


def tax_notes(document: Taxed) -> tuple[str, ...]:
    """Why no tax is charged, each reason once: Reverse charge."""
    return tuple(dict.fromkeys(str(values["reason"]) for values in document.taxes if values["reason"]))


def row_label(row: TaxRow, currency: str, sign: int = 1) -> str:
    """`VAT 20 % of $51.35`, and whether it is in the prices already."""
    included = " (included in the prices)" if row.rule.inclusive else ""
    percent = formats.quantity(row.rule.percent)
    return f"{row.rule.label} {percent} % of {formats.money(sign * row.base, currency)}{included}"
