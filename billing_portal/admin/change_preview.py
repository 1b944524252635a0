"""What staff see before a customer's plan changes: lines, credit, tax, payment, and what the customer is told."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext, ngettext

from accounts.models import Customer, PaymentMethod, PaymentPolicy
from accounts.selectors import default_payment_methods, recipients_and_admins
from core import formats
from invoices.taxing import row_label
from plans.selectors.scheduling import ChangePreview

if TYPE_CHECKING:
    from plans.models import Plan


def figures(preview: ChangePreview) -> str:
    """What «Save» carries: an estimate binds nobody to its cents."""
    owed = "estimate" if preview.is_estimate else f"{preview.totals.total}:{preview.owed.credits}:{preview.to_credits}"
    day = preview.effective_at.date() if preview.is_estimate else "at once"
    return f"{preview.plan.pk}:{day}:{preview.owed.currency}:{owed}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the totals, minor units."""

    label: str
    amount: int


def shown(customer: Customer, preview: ChangePreview) -> dict[str, Any]:
    """The preview as the page prints it."""
    card = default_payment_methods([customer.pk]).get(customer.pk)
    needs_card = preview.plan.payment_policy == PaymentPolicy.REQUIRED
    return {
        "preview": preview,
        "seen": figures(preview),
        "document_lines": [line for line in preview.owed.all_lines if line.settlement != "credit_only"],
        "credit_lines": [line for line in preview.owed.all_lines if line.settlement == "credit_only"],
        "totals": _totals(preview),
        "after_total": _after_total(preview),
        "payment": _payment(preview, card),
        "lacks_card": needs_card and card is None,
        "by_contract": preview.plan.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT,
        "told": recipients_and_admins([customer.pk])[customer.pk],
    }


def _totals(preview: ChangePreview) -> list[Row]:
    """Between lines and total, as on the invoice: what credit pays, net, every tax that has a name."""
    owed, currency = preview.owed, preview.owed.currency
    rows = [Row(gettext("Credits: %(name)s") % {"name": row.name}, -row.amount) for row in owed.preview.rows]
    back = sum(row.amount for row in owed.preview.rows) - owed.credits
    if back:
        rows.append(Row(gettext("Credits returned to the balance"), back))
    taxes = [Row(row_label(row, currency), row.tax) for row in owed.totals.taxes if row.rule.label]
    return [*rows, Row(gettext("Net"), owed.totals.subtotal), *taxes] if taxes else rows


def _after_total(preview: ChangePreview) -> list[Row]:
    owed = preview.owed
    if not owed.credit:
        return []
    return [
        Row(gettext("Credit from earlier credit notes"), -owed.credit),
        Row(gettext("Amount due"), owed.totals.total - owed.credit),
    ]


def _payment(preview: ChangePreview, card: PaymentMethod | None) -> str:
    """How the closing invoice is paid; empty where nothing is to be paid."""
    due = preview.totals.total - preview.owed.credit
    if due < 0:
        return gettext(
            "A credit note: it lowers open invoices, then goes back to the card; the rest is kept for the next invoice."
        )
    if not due:
        return ""
    charging = _charging(preview)
    if charging.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT or card is None:
        terms = charging.payment_terms
        days = settings.PAYMENT_TERMS.days if terms is None else terms
        return ngettext(
            "Sent to be paid within %(figure)s day of its issue.",
            "Sent to be paid within %(figure)s days of its issue.",
            days,
        ) % {"figure": formats.quantity(days)}
    return gettext("Charged to %(card)s, a day after it is issued.") % {"card": card}


def _charging(preview: ChangePreview) -> "Plan":
    """Whose terms the closing invoice has: the plan that ends, unless that never bills."""
    return preview.current.plan if preview.current.plan.terms().is_priced else preview.plan
