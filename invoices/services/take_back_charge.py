"""A charge by hand that is not billed yet is undone by a second line: nothing is deleted."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from invoices.exceptions import ChargeBilledError
from invoices.hand_charges import can_be_taken_back, taken_back
from invoices.models import InvoiceLine
from invoices.selectors import line_draft
from invoices.services.add_pending_lines import add_pending_lines


@transaction.atomic
def take_back_charge(*, line_id: int, at: datetime, actor: User | None = None, reason: str) -> InvoiceLine:
    """The line below zero (or above, for a credit) that stands on the same document as the charge.

    A second call gives the same line. Raises ChargeBilledError where the charge is on a document already, and for
    lines that staff did not add.
    """
    customer_id = InvoiceLine.objects.values_list("customer_id", flat=True).get(pk=line_id)
    lock_customers([customer_id])
    row = InvoiceLine.objects.get(pk=line_id)
    back = taken_back(line_draft(row))
    known = InvoiceLine.objects.filter(key=back.key).first()
    if known is not None:
        return known
    if row.invoice_id is not None or not can_be_taken_back(row.key):
        raise ChargeBilledError(f"line {row.key} stands on invoice {row.invoice_id}")
    [made] = add_pending_lines(customer_id=customer_id, currency=row.currency, lines=[back], at=at, actor=actor)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="take_back_charge",
        subject=f"line:{row.key}",
        after={"line": made.key, "amount": made.amount, "currency": made.currency},
        reason=reason,
    )
    return made
