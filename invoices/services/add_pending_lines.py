"""A charge or a credit that waits for the customer's next document."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from core.money import UnknownCurrencyError, exponent
from invoices.charging import Sheet
from invoices.drawing import draw_down
from invoices.exceptions import CurrencyError
from invoices.lines import LineDraft
from invoices.models import InvoiceLine


@transaction.atomic
def add_pending_lines(
    *, customer_id: int, currency: str, lines: Sequence[LineDraft], at: datetime, actor: User | None = None
) -> list[InvoiceLine]:
    """The stored lines, in the order given; a key that is stored already gives that line, untouched.

    They stand on the next draft of that currency (`draft_invoices`). Lines that credit settles alone are not stored
    but drawn down – below zero: given back – at once; their charge is idempotent by the same key. Raises
    CurrencyError for a currency that is unknown, or another than the one the customer is billed in.
    """
    customer = lock_customers([customer_id])[customer_id]
    _check_currency(currency, customer.currency or currency)
    direct = tuple(line for line in lines if line.settlement == "credit_only")
    if direct:
        draw_down([Sheet(customer_id, currency, None, "", direct=direct)], {}, at, actor)
    waiting = {line.key: line for line in lines if line.settlement != "credit_only"}
    found = InvoiceLine.objects.in_bulk(list(waiting), field_name="key") if waiting else {}
    new = [line for line in waiting.values() if line.key not in found]
    for row in InvoiceLine.objects.bulk_create([_row(line, customer_id, currency, at) for line in new]):
        found[row.key] = row
    if new:
        record(
            at=at,
            actor=actor,
            customer_id=customer_id,
            action="add_pending_lines",
            subject=f"customer:{customer_id}",
            after={"lines": {line.key: line.amount for line in new}, "currency": currency},
        )
    return [found[key] for key in waiting]


def _check_currency(currency: str, own: str) -> None:
    try:
        exponent(currency)
    except UnknownCurrencyError as error:
        raise CurrencyError(
            f"unknown currency {currency}",
            message=gettext("There is no currency %(currency)s.") % {"currency": currency},
        ) from error
    if currency != own:
        raise CurrencyError(f"{currency}, but the customer is billed in {own}")


def _row(line: LineDraft, customer_id: int, currency: str, at: datetime) -> InvoiceLine:
    return InvoiceLine(
        key=line.key,
        customer_id=customer_id,
        kind=line.kind,
        currency=currency,
        title=line.title,
        detail=line.detail,
        starts_at=line.starts_at,
        ends_at=line.ends_at,
        feature_key=line.feature_key,
        quantity=line.quantity,
        unit_amount=line.unit_amount,
        per_units=line.per_units,
        amount=line.amount,
        explain=line.explain,
        corrects=line.corrects,
        added_at=at,
    )
