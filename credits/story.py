"""A customer's credit as a story: what was funded, expired or voided since an instant, and what comes."""

from datetime import datetime

from core import formats
from core.story import Coming, Event, Told
from credits.models import LedgerTransaction, TransactionKind
from credits.selectors.grants import grants

WORDS = {
    TransactionKind.FUNDED: "{amount} of credit added: {grant}.",
    TransactionKind.EXPIRED: "{amount} of credit expired: {grant}.",
    TransactionKind.VOIDED: "{amount} of credit voided: {grant}.",
    TransactionKind.CONSUMED: "{amount} of credit used for {charge}.",
    TransactionKind.ADJUSTMENT: "Credit adjusted by {amount}.",
    TransactionKind.CORRECTION: "{amount} of credit given back.",
}
MOODS = {TransactionKind.FUNDED: "success", TransactionKind.EXPIRED: "warning", TransactionKind.VOIDED: "warning"}


def tell(customer_id: int, since: datetime, at: datetime, limit: int) -> Told:
    """The newest movements, and what comes. Two queries."""
    rows = LedgerTransaction.objects.filter(customer=customer_id, booked_at__gte=since, kind__in=WORDS)
    found = rows.select_related("grant", "charge").order_by("-booked_at", "-created_at", "-pk")[:limit]
    return Told([_event(row) for row in found], coming(customer_id, at))


def _event(row: LedgerTransaction) -> Event:
    kind = TransactionKind(row.kind)
    text = WORDS[kind].format(
        amount=formats.money(abs(row.amount), row.currency),
        grant=row.grant.name if row.grant else "no grant",
        charge=row.charge.title if row.charge else "a charge",
    )
    return Event(row.booked_at, text, "credits", MOODS.get(kind, "neutral"))


def coming(customer_id: int, at: datetime) -> list[Coming]:
    """Credit that becomes available, and credit that expires unless it is used before. One query."""
    found = []
    for row in grants(customer_id, at):
        grant = row.grant
        if row.pending and grant.effective_at > at:
            amount = formats.money(row.pending, grant.currency)
            found.append(Coming(grant.effective_at, f"{amount} of credit becomes available: {grant.name}."))
        if grant.expires_at and (row.available or row.pending):
            left = formats.money(row.available + row.pending, grant.currency)
            found.append(Coming(grant.expires_at, f"{left} of credit expires, unless it is used before: {grant.name}."))
    return found
