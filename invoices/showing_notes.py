"""A credit note before it is issued, in the words of its preview."""

from typing import Any, NamedTuple

from django.utils.translation import gettext

from invoices.previewing_notes import NotePreview
from invoices.taxing import row_label
from invoices.totals import Totals


class Place(NamedTuple):
    """Where a part of the money goes, and how much of it in minor units."""

    name: str
    amount: int


def preview_texts(preview: NotePreview, currency: str) -> dict[str, Any]:
    """The note's lines, tax and total printed positive; what is lowered, refunded, kept and returned."""
    document = preview.document
    return {
        "preview": preview,
        "seen": preview.figures,
        "lines": [{"title": line.title, "detail": line.detail, "amount": -line.amount} for line in document.lines],
        "totals": _rows(document.totals, document.returned, currency),
        "total": -document.totals.total,
        "returned": document.returned,
        "lowered": _lowered(preview),
        "refunded": _refunded(preview),
        "kept": preview.settlement.kept,
    }


def _rows(totals: Totals, returned: int, currency: str) -> list[dict[str, Any]]:
    """Between the lines and the total: what goes back as credits, the net, and each tax that has a name."""
    credits = [{"label": gettext("Returned as credits"), "amount": -returned}] if returned else []
    net = [{"label": gettext("Net"), "amount": -totals.subtotal}] if totals.tax else []
    taxes = [{"label": row_label(row, currency, -1), "amount": -row.tax} for row in totals.taxes if row.rule.label]
    return [*credits, *net, *taxes]


def _lowered(preview: NotePreview) -> list[Place]:
    numbers = {invoice.pk: invoice.number for invoice in preview.books.invoices}
    said = gettext("Lowers what is due on %(number)s")
    return [Place(said % {"number": numbers[part.id]}, part.amount) for part in preview.settlement.applied]


def _refunded(preview: NotePreview) -> list[Place]:
    payments = {payment.pk: payment for payment in preview.books.payments}
    said = gettext("Back to %(card)s, payment %(number)s")
    found = [(payments[part.id], part.amount) for part in preview.settlement.refunded]
    return [Place(said % {"card": one.payment_method, "number": one.receipt_number}, amount) for one, amount in found]
