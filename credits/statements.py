"""What moved on a customer's credit, for the documents that state it. Amounts are minor units."""

from datetime import datetime

from django.db.models import Q, QuerySet, Sum

from credits.models import LedgerTransaction, TransactionKind
from credits.stated import Cut, Stated


def balance_before(customer_id: int, currency: str, before: datetime) -> int:
    """The sum of all movements booked before that instant, as the ledger stands now."""
    rows = _movements(customer_id, currency).filter(booked_at__lt=before)
    return int(rows.aggregate(sum=Sum("amount", default=0))["sum"])


def stated_movements(customer_id: int, currency: str, upto: Cut, *, since: Cut | datetime | None) -> list[Stated]:
    """The movements that `upto` covers and `since` does not, in the order of the history. One query.

    `since` is the cut of the statement before, or the instant from which on movements are stated.
    """
    rows = _movements(customer_id, currency).filter(booked_at__lt=upto.before, sequence__lte=upto.sequence)
    if isinstance(since, Cut):
        rows = rows.exclude(booked_at__lt=since.before, sequence__lte=since.sequence)
    elif since is not None:
        rows = rows.filter(booked_at__gte=since)
    columns = ("sequence", "kind", "amount", "booked_at", "grant__name", "charge__title", "description")
    ordered = rows.order_by("booked_at", "created_at", "pk").values_list(*columns)
    return [
        Stated(sequence, kind, amount, booked_at, _title(kind, grant, charge), description)
        for sequence, kind, amount, booked_at, grant, charge, description in ordered
    ]


def _movements(customer_id: int, currency: str) -> QuerySet[LedgerTransaction]:
    of_currency = LedgerTransaction.objects.filter(customer_id=customer_id, currency=currency)
    return of_currency.filter(~Q(kind=TransactionKind.RECOGNIZED))


def _title(kind: str, grant: str | None, charge: str | None) -> str:
    by_grant = kind in (TransactionKind.FUNDED, TransactionKind.EXPIRED, TransactionKind.VOIDED)
    return (grant if by_grant else charge) or charge or grant or ""
