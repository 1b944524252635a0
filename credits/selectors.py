"""What credits answers to those above it. Amounts are minor units; every reading takes its instant."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.due import Due
from credits.chain import Transaction
from credits.charges import Allocation, ChargeDraft, OpenDraft
from credits.models import ChainHead, CreditGrant


@dataclass(frozen=True, slots=True)
class NextExpiry:
    """The earliest instant at which available credit ends, and how much of it."""

    at: datetime
    amount: int


@dataclass(frozen=True, slots=True)
class Balance:
    """One currency of a customer: `settled − open_charges == available`; `pending` is granted, not available yet."""

    currency: str
    settled: int = 0
    open_charges: int = 0
    available: int = 0
    pending: int = 0
    overdraft: int = 0
    next_expiry: NextExpiry | None = None


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant as it stands at an instant; `status`: active, pending, used up, expired or voided."""

    grant: CreditGrant
    status: str
    available: int
    pending: int


@dataclass(frozen=True, slots=True)
class Movement:
    """One row of the history. `before + amount == after`, over all movements of its currency."""

    id: int
    sequence: int
    kind: str
    amount: int
    before: int
    after: int
    booked_at: datetime
    created_at: datetime
    currency: str
    grant_public_id: str
    grant_name: str
    charge_key: str
    charge_title: str
    line_key: str
    feature_key: str
    description: str
    corrects: int | None


@dataclass(frozen=True, slots=True)
class MovementPage:
    """Movements, newest first; `older` and `newer` are cursors, empty where there is nothing more."""

    rows: list[Movement]
    older: str = ""
    newer: str = ""


def balance(customer_id: int, currency: str, at: datetime, feature_key: str | None = None) -> Balance:
    raise NotImplementedError


def balances(customer_id: int, at: datetime) -> list[Balance]:
    raise NotImplementedError


def balances_of(customer_ids: Iterable[int], at: datetime) -> dict[int, list[Balance]]:
    raise NotImplementedError


def settled_at(customer_id: int, currency: str, at: datetime) -> int:
    raise NotImplementedError


def preview_draw_down(charges: Sequence[ChargeDraft], at: datetime) -> dict[str, Allocation]:
    raise NotImplementedError


def grants(customer_id: int, at: datetime) -> list[GrantRow]:
    raise NotImplementedError


def movements(
    customer_id: int,
    *,
    kind: str = "",
    currency: str = "",
    feature_key: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str = "",
    limit: int = 50,
) -> MovementPage:
    raise NotImplementedError


def allocations_of(charge_keys: Iterable[str]) -> dict[str, Allocation]:
    raise NotImplementedError


def open_charges_of(customer_ids: Iterable[int]) -> list[OpenDraft]:
    raise NotImplementedError


def due_to_book(at: datetime) -> Iterable[Due]:
    raise NotImplementedError


def due_open_charges(at: datetime) -> Iterable[Due]:
    raise NotImplementedError


def chain_rows(customer_id: int) -> Iterator[Transaction]:
    raise NotImplementedError


def head(customer_id: int) -> tuple[int, str]:
    raise NotImplementedError


def heads(customer_ids: Iterable[int]) -> Mapping[int, tuple[int, str]]:
    """(sequence, hash) of the newest transaction per customer; absent where there is none. One query."""
    rows = ChainHead.objects.filter(customer_id__in=list(customer_ids), sequence__gt=0)
    return {pk: (sequence, hash_) for pk, sequence, hash_ in rows.values_list("customer_id", "sequence", "hash")}


def has_credits(customer_ids: Iterable[int]) -> set[int]:
    """Those that were ever granted credit, or charged any. One query."""
    ids = list(customer_ids)
    granted = CreditGrant.objects.filter(customer_id__in=ids).order_by().values_list("customer_id", flat=True)
    charged = ChainHead.objects.filter(customer_id__in=ids).order_by().values_list("customer_id", flat=True)
    return set(granted.union(charged))
