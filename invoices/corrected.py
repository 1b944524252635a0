"""What is known of lines that others correct: how they were taxed, and what of them is still to be given back."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from django.db.models import Q

from invoices.crediting import Billed
from invoices.lines import LineDraft
from invoices.models import InvoiceLine, InvoiceStatus
from invoices.totals import TaxRule, rules_from


class Corrected(NamedTuple):
    """By keys of the corrected lines: the `rules` by which they were taxed; what is left, in money and in credits, of
    those that something is given back of (`billed`)."""

    rules: Mapping[str, TaxRule]
    billed: Mapping[str, Billed]


class _Row(NamedTuple):
    key: str
    corrects: str
    amount: int
    credits: int
    tax_rules: list[dict[str, Any]]
    invoice__tax_rules: list[dict[str, Any]]
    invoice__status: str


def read_corrected(lines: Iterable[LineDraft], *, discarding: bool = False) -> Corrected:
    """Of the lines that these correct. One query, none where nothing is corrected.

    Tax is known of every document, what is left of those that are not void. With `discarding`, drafts count as given
    up.
    """
    correcting = [line for line in lines if line.corrects]
    if not correcting:
        return Corrected({}, {})
    keys, backs = {line.corrects for line in correcting}, {line.corrects for line in correcting if line.amount < 0}
    rows = InvoiceLine.objects.filter(Q(key__in=keys) | Q(corrects__in=backs, amount__lt=0), invoice__isnull=False)
    found = list(map(_Row._make, rows.order_by().values_list(*_Row._fields)))
    gone = [InvoiceStatus.VOID, InvoiceStatus.DRAFT] if discarding else [InvoiceStatus.VOID]
    return Corrected(
        {row.key: rules_from(row.tax_rules or row.invoice__tax_rules) for row in found if row.key in keys},
        _left((row for row in found if row.invoice__status not in gone), backs),
    )


def _left(rows: Iterable[_Row], keys: Collection[str]) -> dict[str, Billed]:
    """Of the lines with these keys, less what the others give back of them."""
    left: dict[str, tuple[int, int]] = {}
    for row in rows:
        of = row.key if row.key in keys else row.corrects if row.amount < 0 else ""
        if of in keys:
            money, credit = left.get(of, (0, 0))
            left[of] = (money + row.amount - row.credits, credit + row.credits)
    return {key: Billed(max(money, 0), max(credit, 0)) for key, (money, credit) in left.items()}
