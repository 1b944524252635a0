"""What stands on a monthly credit statement, as text."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.utils.translation import gettext, gettext_noop, ngettext

from core import formats
from core.periods import Period, midnight
from credits.stated import Stated
from credits.statements import stated_movements
from invoices.models import CreditStatement
from invoices.paper import Party, address, is_letter
from invoices.statements import StatementRow, statement_rows, sums_by_kind
from invoices.taxing import TaxText, ledger_text

SUMS = {
    "funded": gettext_noop("Credits granted"),
    "consumed": gettext_noop("Credits used"),
    "expired": gettext_noop("Expired"),
    "voided": gettext_noop("Voided"),
    "correction": gettext_noop("Corrections"),
    "adjustment": gettext_noop("Adjustments"),
}


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One row; `day` is empty where it is the one before's, `balance` stands on the last row of a day."""

    day: str
    title: str
    note: str
    amount: str
    balance: str


@dataclass(frozen=True, slots=True)
class StatementPaper:
    """A credit statement as it is printed: `sums` by kind lead from `opening` to `closing`."""

    number: str
    period: str
    currency: str
    made_on: str
    opening: str
    closing: str
    is_overdrawn: bool
    sums: tuple[TaxText, ...]
    late: tuple[PaperRow, ...]
    rows: tuple[PaperRow, ...]
    seller: Party
    customer: Party
    seller_address: str
    customer_address: str
    is_letter: bool
    ledger: str


def statement_paper(statement: CreditStatement) -> StatementPaper:
    """The document of a statement; its movements never change, so that it always reads the same."""
    period = Period(statement.period_start, statement.period_end)
    movements = stated_by(statement)
    rows = statement_rows(movements, period=period, opening=statement.opening)
    sums = sums_by_kind(movements)
    money = _money(statement.currency)
    return StatementPaper(
        number=formats.period(period),
        period=formats.period(period),
        currency=statement.currency,
        made_on=formats.day(statement.created_at.date()),
        opening=money(statement.opening),
        closing=money(statement.closing),
        is_overdrawn=statement.closing < 0,
        sums=tuple(TaxText(gettext(label), _signed(sums[kind], money)) for kind, label in SUMS.items() if kind in sums),
        late=_rows(rows.late, statement.currency),
        rows=_rows(rows.period, statement.currency),
        seller=statement.seller_party,
        customer=statement.customer_party,
        seller_address=address(statement.seller_party),
        customer_address=address(statement.customer_party),
        is_letter=is_letter(statement.customer_party),
        ledger=ledger_text(statement.last_sequence, statement.ledger_head),
    )


def stated_by(statement: CreditStatement) -> list[Stated]:
    """The movements that the statement covers, in the order of the history."""
    before = statement.previous
    since = before.cut if before else midnight(statement.period_start)
    return stated_movements(statement.customer_id, statement.currency, statement.cut, since=since)


def _rows(rows: Iterable[StatementRow], currency: str) -> tuple[PaperRow, ...]:
    money = _money(currency)
    papers: list[PaperRow] = []
    day = None
    for row in rows:
        papers.append(
            PaperRow(
                day="" if row.on == day else formats.day(row.on),
                title=row.title,
                note=ngettext("%(count)s movement", "%(count)s movements", row.count) % {"count": row.count}
                if row.count > 1
                else "",
                amount=_signed(row.amount, money),
                balance="" if row.after is None else money(row.after),
            )
        )
        day = row.on
    return tuple(papers)


def _signed(amount: int, money: Callable[[int], str]) -> str:
    return f"+{money(amount)}" if amount > 0 else money(amount)


def _money(currency: str) -> Callable[[int], str]:
    return lambda amount: formats.money(amount, currency)
