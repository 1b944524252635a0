"""Reads for those who hand down charges: whose usage lowers credit, and what is to be charged later by itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, OuterRef, QuerySet, Sum

from credits.models import CreditBalance, CreditCharge, OpenCharge


@dataclass(frozen=True, slots=True)
class WaitingCharge:
    """An open charge that becomes a charge at `settles_at`. Amount in minor units."""

    id: int
    key: str
    customer_id: int
    currency: str
    amount: int
    settles_at: datetime


def customers_with_credits() -> "QuerySet[CreditBalance, int]":
    """Ids of everybody who ever had credit on the ledger, for a subquery."""
    return CreditBalance.objects.order_by().values_list("customer_id", flat=True)


def waiting_of(customer: OuterRef) -> "QuerySet[OpenCharge]":
    """What settles itself later, of the customer of an outer query."""
    return OpenCharge.objects.filter(customer=customer, settles_at__isnull=False)


def waiting_charges(customer_ids: Iterable[int]) -> list[WaitingCharge]:
    """What settles itself later, the earliest first."""
    rows = OpenCharge.objects.filter(customer_id__in=list(customer_ids), settles_at__isnull=False)
    columns = ("id", "key", "customer_id", "currency", "amount", "settles_at")
    return [WaitingCharge(*row) for row in rows.order_by("settles_at", "pk").values_list(*columns)]


def running_charges(customer_ids: Iterable[int]) -> dict[str, int]:
    """Amounts by key of what is open and does not settle itself."""
    rows = OpenCharge.objects.filter(customer_id__in=list(customer_ids), settles_at__isnull=True)
    return dict(rows.values_list("key", "amount"))


def charged_by_group(customer_ids: Iterable[int], groups: Iterable[str]) -> dict[str, int]:
    """What these groups of charges came to, less what was given back; groups without a charge are absent."""
    rows = CreditCharge.objects.filter(customer_id__in=list(customer_ids), group__in=list(groups))
    sums = rows.order_by().values("group").annotate(kept=Sum(F("amount") - F("returned")))
    return dict(sums.values_list("group", "kept"))
