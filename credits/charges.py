"""PURE: what is to be paid by credit, what is to be given back, and what came of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeDraft:
    """A charge that credit is to pay. `amount` > 0 in minor units; charging the same `key` twice gives the first.

    `group` is what a correction names. `booked_at` decides which credit may pay; in the future, it is an open charge
    until then. `may_overdraw`: what no credit covers becomes overdraft; else it is left to the invoice.
    `is_final` False: it stands on a draft, and `recognize_charges` follows. No `feature_key`: unrestricted credit only.
    """

    key: str
    group: str
    customer_id: int
    currency: str
    feature_key: str
    amount: int
    booked_at: datetime
    may_overdraw: bool
    is_final: bool
    title: str
    line_key: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Allocation:
    """What became of a charge. `covered` is paid by credit now, `overdraft` is owed; both less what was given back.

    `parts` are (grant public id, grant name, amount) in the order drawn, repayments last. A charge without
    `may_overdraw` may be covered in part or not at all: `amount − covered` is the invoice's. What is to be charged
    later has neither yet.
    """

    key: str
    amount: int
    covered: int
    overdraft: int
    parts: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionDraft:
    """Credit to be given back from the charges of `group` (or the one charge with that key), the newest first.

    `amount` > 0 in minor units; None: all that they hold. Correcting the same `key` twice gives the first result.
    """

    key: str
    customer_id: int
    group: str
    amount: int | None
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDraft:
    """Rated and not settled: it lowers what is available now. `amount` > 0 in minor units."""

    key: str
    customer_id: int
    currency: str
    feature_key: str
    amount: int
    may_overdraw: bool


def as_json(draft: ChargeDraft) -> dict[str, Any]:
    """A charge as it waits in an open charge."""
    return asdict(draft) | {"booked_at": draft.booked_at.isoformat()}


def from_json(values: Mapping[str, Any]) -> ChargeDraft:
    """The charge that `as_json` wrote."""
    return ChargeDraft(**{**values, "booked_at": datetime.fromisoformat(values["booked_at"])})
