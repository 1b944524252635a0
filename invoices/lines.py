"""PURE: what plans hands down – lines and the documents they stand on. Amounts in minor units."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from core.periods import Period


@dataclass(frozen=True, slots=True)
class LineDraft:
    """One line before it is stored. `key` is unique for ever and the line's Explain address."""

    key: str
    kind: Literal["fee", "usage"]
    title: str
    detail: str
    starts_at: datetime
    ends_at: datetime
    quantity: Decimal
    amount: int
    unit_amount: Decimal | None = None
    per_units: int = 1
    feature_key: str = ""
    explain: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InvoiceDraft:
    """One document to be drafted: whom it bills, on which date, for which billing period, with which lines."""

    key: str
    customer_id: int
    currency: str
    billing_on: date
    period: Period
    lines: tuple[LineDraft, ...]
    collection: Literal["automatic", "send_invoice"] = "automatic"
