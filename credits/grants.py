"""PURE: what is to be granted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantDraft:
    """A grant to be made. `amount` in minor units; granting the same `key` twice gives the first.

    `funding` is a value of `credits.models.Funding`: promotional credit is there at once, invoiced and external credit
    once it is paid (`pay_grant`). `effective_at` None: when it is granted; `expires_at` None: never; no `features`:
    it pays for everything. `name` is for the customer, `reason` stays inside.
    """

    key: str
    customer_id: int
    currency: str
    amount: int
    funding: str
    name: str
    reason: str = ""
    unit_cost: Decimal | int = 1
    priority: int = 10
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    features: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
