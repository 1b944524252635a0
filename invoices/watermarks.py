"""PURE: the tax of a credit note, by a watermark.

A note has the tax of everything given back of its invoice so far, less the tax that was given back before. So any
sequence of notes that gives back everything ends at the invoice's own total and tax, to the cent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from invoices.totals import (
    NO_TAX,
    TaxedAmount,
    TaxRow,
    TaxRule,
    Totals,
    row_from,
    row_values,
    rules_from,
    rules_values,
    total_up,
)


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What was given back of an invoice before a credit note: the amounts (below zero) by rate, and their tax rows.

    `cents` is what the note's tax rows differ from the watermark, so that its total is the amount asked for. `is_last`:
    the note gives back all that is left, so it makes up for the cents of every rate, not only of its own lines'.
    """

    amounts: tuple[TaxedAmount, ...] = ()
    rows: tuple[TaxRow, ...] = ()
    cents: tuple[TaxRow, ...] = ()
    is_last: bool = False


NOTHING_BEFORE = GivenBack()


def total_note(lines: Iterable[TaxedAmount], before: GivenBack) -> Totals:
    """The totals of a credit note of these lines, below zero, after what was given back `before`."""
    own = list(lines)
    amounts = before.amounts if before.is_last else _sharing(own, before.amounts)
    whole = total_up([*amounts, *own], NO_TAX)
    earlier = [TaxRow(row.rule, -row.base, -row.tax) for row in before.rows]
    if not before.is_last:
        concerned = {row.rule for row in whole.taxes}
        earlier = [row for row in earlier if row.rule in concerned]
    summed = sum_rows([*whole.taxes, *earlier, *before.cents])
    rows = tuple(row for row in summed if row.base or row.tax)
    included = sum(row.tax for row in rows if row.rule.inclusive)
    subtotal, tax = sum(line.amount for line in own) - included, sum(row.tax for row in rows)
    return Totals(subtotal, tax, subtotal + tax, rows, included)


def _sharing(lines: Iterable[TaxedAmount], amounts: Iterable[TaxedAmount]) -> list[TaxedAmount]:
    """The amounts that share a rate with these lines, directly or by way of each other."""
    rates = {rate for line in lines for rate in line.rule.each}
    found: list[TaxedAmount] = []
    waiting = list(amounts)
    while near := [each for each in waiting if rates & set(each.rule.each)]:
        found += near
        rates |= {rate for each in near for rate in each.rule.each}
        waiting = [each for each in waiting if each not in near]
    return found


def sum_rows(rows: Iterable[TaxRow]) -> tuple[TaxRow, ...]:
    """One row per rate."""
    sums: dict[TaxRule, TaxRow] = {}
    for row in rows:
        earlier = sums.get(row.rule, TaxRow(row.rule, 0, 0))
        sums[row.rule] = TaxRow(row.rule, earlier.base + row.base, earlier.tax + row.tax)
    return tuple(sums.values())


def given_back_values(before: GivenBack) -> dict[str, Any]:
    """As JSON values, as they are kept on the credit note."""
    return {
        "amounts": [{"rules": rules_values(each.rule), "amount": each.amount} for each in before.amounts],
        "taxes": [row_values(row) for row in before.rows],
        "cents": [row_values(row) for row in before.cents],
        "is_last": before.is_last,
    }


def given_back_from(values: Mapping[str, Any]) -> GivenBack:
    """What `given_back_values` came from."""
    return GivenBack(
        amounts=tuple(TaxedAmount(each["amount"], rules_from(each["rules"])) for each in values["amounts"]),
        rows=tuple(row_from(row) for row in values["taxes"]),
        cents=tuple(row_from(row) for row in values["cents"]),
        is_last=values["is_last"],
    )
