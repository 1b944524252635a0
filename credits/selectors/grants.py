"""A customer's grants as they stand."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from credits import drawdown
from credits.drawdown import Source
from credits.models import CreditGrant, Funding

ACTIVE, PENDING, USED_UP, EXPIRED, VOIDED = "active", "pending", "used up", "expired", "voided"


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant at an instant; `status`: active, pending, used up, expired or voided. Amounts in minor units.

    A release or expiry that is due counts as booked; the overdraft that a release will repay is not known here.
    """

    grant: CreditGrant
    status: str
    available: int
    pending: int


class PurchasedGrant(NamedTuple):
    """A grant that was, or is to be, paid by an invoice; amounts in minor units."""

    id: int
    public_id: str
    customer_id: int
    currency: str
    amount: int
    unit_cost: Decimal
    taken_back: int
    paid_at: datetime | None


def purchased_grants() -> Iterator[PurchasedGrant]:
    """Every one there is, for the books; read in chunks by a cursor."""
    rows = CreditGrant.objects.filter(funding=Funding.INVOICED).order_by("pk").values_list(*PurchasedGrant._fields)
    return map(PurchasedGrant._make, rows.iterator(chunk_size=2_000))


def grants(customer_id: int, at: datetime) -> list[GrantRow]:
    """In draw-down order; then those that are over, the newest first. One query."""
    found = CreditGrant.objects.filter(customer_id=customer_id).select_related("created_by")
    rows = [_row(grant, at) for grant in found.order_by("-created_at", "-pk")]
    live = {row.grant.pk: row for row in rows if row.status in (ACTIVE, PENDING)}
    order = drawdown.in_draw_order([_source(row) for row in live.values()], feature_key=None, at=at)
    return [live[source.id] for source in order] + [row for row in rows if row.grant.pk not in live]


def _row(grant: CreditGrant, at: datetime) -> GrantRow:
    is_released = grant.paid_at is not None and grant.effective_at <= at
    is_over = grant.settled_at is not None or (grant.expires_at is not None and grant.expires_at <= at)
    available = 0 if is_over else grant.available + (grant.pending if is_released else 0)
    pending = 0 if is_over or is_released else grant.pending
    return GrantRow(grant, _status(grant, is_over, available, pending), available, pending)


def _status(grant: CreditGrant, is_over: bool, available: int, pending: int) -> str:
    if grant.voided or (grant.taken_back and grant.settled_at and not grant.expired):
        return VOIDED
    if is_over and (grant.expired or grant.available or grant.pending):
        return EXPIRED
    if pending:
        return PENDING
    return ACTIVE if available else USED_UP


def _source(row: GrantRow) -> Source:
    grant = row.grant
    return Source(
        grant.pk, grant.priority, frozenset(grant.features), grant.effective_at, grant.expires_at, grant.created_at,
        row.available,
    )  # fmt: skip
