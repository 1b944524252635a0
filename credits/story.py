"""A customer's credit as a story: what was funded, expired or voided since an instant, and what comes."""

from datetime import datetime

from django.utils.translation import gettext, gettext_noop

from core import formats
from core.story import Coming, Event, Told
from core.wording import title_of
from credits.models import LedgerTransaction, TransactionKind
from credits.selectors.grants import grants
from credits.words import grant_name

WORDS = {
    TransactionKind.FUNDED: gettext_noop("%(amount)s of credit added: %(grant)s."),
    TransactionKind.EXPIRED: gettext_noop("%(amount)s of credit expired: %(grant)s."),
    TransactionKind.VOIDED: gettext_noop("%(amount)s of credit voided: %(grant)s."),
    TransactionKind.CONSUMED: gettext_noop("%(amount)s of credit used for %(charge)s."),
    TransactionKind.ADJUSTMENT: gettext_noop("Credit adjusted by %(amount)s."),
    TransactionKind.CORRECTION: gettext_noop("%(amount)s of credit given back."),
}
MOODS = {TransactionKind.FUNDED: "success", TransactionKind.EXPIRED: "warning", TransactionKind.VOIDED: "warning"}


def tell(customer_id: int, since: datetime, at: datetime, limit: int) -> Told:
    """The newest movements, and what comes. Two queries."""
    rows = LedgerTransaction.objects.filter(customer=customer_id, booked_at__gte=since, kind__in=WORDS)
    found = rows.select_related("grant", "charge").order_by("-booked_at", "-created_at", "-pk")[:limit]
    return Told([_event(row) for row in found], coming(customer_id, at))


def _event(row: LedgerTransaction) -> Event:
    kind = TransactionKind(row.kind)
    values = {
        "amount": formats.money(abs(row.amount), row.currency),
        "grant": grant_name(row.grant.name) if row.grant else gettext("no grant"),
        "charge": title_of(row.charge.title) if row.charge else gettext("a charge"),
    }
    return Event(row.booked_at, gettext(WORDS[kind]) % values, "credits", MOODS.get(kind, "neutral"))


def coming(customer_id: int, at: datetime) -> list[Coming]:
    """Credit that becomes available, and credit that expires unless it is used before. One query."""
    found = []
    for row in grants(customer_id, at):
        grant = row.grant
        if row.pending and grant.effective_at > at:
            values = {"amount": formats.money(row.pending, grant.currency), "grant": grant_name(grant.name)}
            text = gettext("%(amount)s of credit becomes available: %(grant)s.") % values
            found.append(Coming(grant.effective_at, text))
        if grant.expires_at and (row.available or row.pending):
            values = {
                "amount": formats.money(row.available + row.pending, grant.currency),
                "grant": grant_name(grant.name),
            }
            text = gettext("%(amount)s of credit expires, unless it is used before: %(grant)s.") % values
            found.append(Coming(grant.expires_at, text))
    return found
