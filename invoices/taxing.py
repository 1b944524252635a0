"""The tax and credit rows of a document as text: one source for page, PDF, mail and preview."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from accounts import figures
from accounts.figures import Figure, written
from core import formats
from core.language import gettext, gettext_noop
from credits.emails import named
from invoices.totals import TaxRow, row_from

# What sellers call their taxes, and why they charge none, is theirs; these words are known in every language.
KNOWN = (
    gettext_noop("VAT"),
    gettext_noop("Sales tax"),
    gettext_noop("Reverse charge"),
    gettext_noop("Outside the scope of EU VAT"),
)
RATE = gettext_noop("%(tax)s %(percent)s %% of %(base)s")
RATE_INSIDE = gettext_noop("%(tax)s %(percent)s %% of %(base)s (included in the prices)")


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
    return row_texts(_rows(document), document.currency, sign)


def tax_figures(document: Taxed) -> list[dict[str, Figure]]:
    """The same rows as a message takes them: `label` and `amount`."""
    return [
        {"label": _label(row, document.currency, 1), "amount": figures.money(row.tax, document.currency)}
        for row in _rows(document)
        if row.rule.label
    ]


def _rows(document: Taxed) -> Iterable[TaxRow]:
    return (row_from(values) for values in document.taxes)


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
    return tuple(TaxText(**written(row)) for row in credit_figures(document, sign))


def credit_figures(document: Credited, sign: int = 1) -> list[dict[str, Figure]]:
    """The same rows as a message takes them: `label` and `amount`."""
    used = sum(int(row["amount"]) for row in document.credit_rows)
    rows = [
        _credit(
            -sign * int(row["amount"]), document, figures.sentence("Credits used: %(grant)s", grant=named(row["name"]))
        )
        for row in document.credit_rows
    ]
    back = used - document.credits
    if back:
        rows.append(_credit(sign * back, document, figures.sentence("Credits returned to your balance")))
    return rows


def _credit(amount: int, document: Credited, label: Figure) -> dict[str, Figure]:
    return {"label": label, "amount": figures.money(amount, document.currency)}


def ledger_text(sequence: int | None, head: str) -> str:
    """`Credit ledger #123 · 9f3a…`: what the customer can verify the ledger against; empty where there is none."""
    return (
        gettext("Credit ledger #%(number)s · %(hash)s") % {"number": sequence, "hash": head}
        if sequence and head
        else ""
    )


def tax_notes(document: Taxed) -> tuple[str, ...]:
    """Why no tax is charged, each reason once: Reverse charge."""
    return tuple(map(gettext, _reasons(document)))


def note_figures(document: Taxed) -> list[Figure]:
    """The same as a message takes them."""
    return [figures.sentence(reason) for reason in _reasons(document)]


def _reasons(document: Taxed) -> Iterable[str]:
    return dict.fromkeys(str(values["reason"]) for values in document.taxes if values["reason"])


def row_label(row: TaxRow, currency: str, sign: int = 1) -> str:
    """`VAT 20 % of $51.35`, and whether it is in the prices already."""
    return str(written(_label(row, currency, sign)))


def _label(row: TaxRow, currency: str, sign: int) -> Figure:
    return figures.sentence(
        RATE_INSIDE if row.rule.inclusive else RATE,
        tax=figures.sentence(row.rule.label),
        percent=figures.quantity(row.rule.percent),
        base=figures.money(sign * row.base, currency),
    )
