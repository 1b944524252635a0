"""PURE: which credit pays for what. Order, eligibility, repayment, giving back (docs/algorithms/draw-down.md).

Everything here is about one customer and one currency: balances are never merged. Amounts are whole minor units.
A feature key of "" means none: such a charge is paid by unrestricted credit only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from credits.exceptions import CorrectionError

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Source:
    """What is left of a grant. `features` empty: it may pay for everything; `expires_at` None: it never ends."""

    id: int
    priority: int
    features: frozenset[str]
    effective_at: datetime
    expires_at: datetime | None
    granted_at: datetime
    available: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one grant pays of a charge."""

    source_id: int
    amount: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """How a charge is paid, in the order drawn; `uncovered` is what no credit was left for."""

    parts: tuple[Part, ...]
    uncovered: int


@dataclass(frozen=True, slots=True)
class Owed:
    """Overdraft of a charge that nothing has repaid yet, as a positive amount."""

    charge_id: int
    feature_key: str
    amount: int


@dataclass(frozen=True, slots=True)
class Allocated:
    """What a grant still pays of a charge, after what was given back."""

    id: int
    amount: int


@dataclass(frozen=True, slots=True)
class Unwound:
    """How a correction is given back: overdraft that goes away, then allocations, the newest first."""

    overdraft: int
    parts: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Open:
    """Rated and not settled yet. `may_overdraw`: credits only; else an invoice takes what credit does not cover.

    `settles_at` in the future: a fee of then, which takes nothing away before.
    """

    feature_key: str
    amount: int
    may_overdraw: bool
    settles_at: datetime | None = None


def is_in_force(source: Source, at: datetime) -> bool:
    """Effective by `at` and not expired: at the expiry instant itself it is gone."""
    return source.effective_at <= at and (source.expires_at is None or at < source.expires_at)


def may_repay(features: frozenset[str], feature_key: str) -> bool:
    """Whether credit with this restriction may pay for the feature, also for its overdraft."""
    return not features or feature_key in features


def is_eligible(source: Source, *, feature_key: str, at: datetime) -> bool:
    """Whether the grant may pay for a charge of the feature that is booked at `at`."""
    return is_in_force(source, at) and may_repay(source.features, feature_key)


def in_draw_order(sources: Iterable[Source], *, feature_key: str | None, at: datetime) -> list[Source]:
    """The grants that may pay for the feature at `at`, the first to pay first; None: all of them, for people to read.

    Priority → restricted before unrestricted → earlier expiry, never last → the oldest grant.
    """
    if feature_key is not None:
        sources = [source for source in sources if is_eligible(source, feature_key=feature_key, at=at)]
    return sorted(sources, key=_rank)


def draw(sources: Iterable[Source], *, amount: int, feature_key: str, at: datetime) -> Drawn:
    """Who pays a charge of `amount` booked at `at`; the parts and `uncovered` sum to it. Below zero: ValueError."""
    if amount < 0:
        raise ValueError(f"a charge of {amount}")
    parts = []
    for source in in_draw_order(sources, feature_key=feature_key, at=at):
        if not amount:
            break
        taken = min(amount, source.available)
        if taken > 0:
            parts.append(Part(source.id, taken))
            amount -= taken
    return Drawn(tuple(parts), amount)


def repay(owed: Sequence[Owed], *, amount: int, features: frozenset[str]) -> tuple[tuple[tuple[int, int], ...], int]:
    """What new credit repays of the overdraft, which is given oldest first: ((charge id, amount), …) and the rest.

    Its priority does not matter; restricted credit repays only overdraft of its features.
    """
    parts = []
    for debt in owed:
        taken = min(amount, debt.amount) if may_repay(features, debt.feature_key) else 0
        if taken > 0:
            parts.append((debt.charge_id, taken))
            amount -= taken
    return tuple(parts), amount


def unwind(allocated: Sequence[Allocated], *, overdraft: int, amount: int) -> Unwound:
    """How `amount` of a charge is given back; `allocated` stands in the order drawn, repayments are the newest.

    Raises CorrectionError for an amount that is not above zero, or above what the charge still holds.
    """
    held = overdraft + sum(allocation.amount for allocation in allocated)
    if not 0 < amount <= held:
        raise CorrectionError(f"{amount} of {held} cannot be given back")
    unpaid = min(amount, overdraft)
    rest = amount - unpaid
    parts = []
    for allocation in reversed(allocated):
        taken = min(rest, allocation.amount)
        if taken > 0:
            parts.append((allocation.id, taken))
            rest -= taken
    return Unwound(unpaid, tuple(parts))


def settled_for(sources: Iterable[Source], *, owed: Iterable[Owed] = (), feature_key: str | None, at: datetime) -> int:
    """Credit in force at `at` less overdraft. None: all of it; "": unrestricted; a feature: what may pay for it.

    The overdraft that counts for a feature is its own and that of charges without one.
    """
    held = sum(
        source.available
        for source in sources
        if is_in_force(source, at) and (feature_key is None or may_repay(source.features, feature_key))
    )
    return held - sum(debt.amount for debt in owed if _concerns(debt.feature_key, feature_key))


def available_for(
    sources: Iterable[Source],
    *,
    feature_key: str | None,
    at: datetime,
    owed: Iterable[Owed] = (),
    open_charges: Iterable[Open] = (),
) -> int:
    """What is settled at `at` less the open charges that concern the feature (None: all), as in `settled_for`.

    Charges that may overdraw take their full amount, also below zero. The others take what eligible credit is left
    after those: an invoice takes the rest.
    """
    sources = list(sources)
    concerned = [charge for charge in open_charges if _concerns(charge.feature_key, feature_key)]
    settled = settled_for(sources, owed=owed, feature_key=feature_key, at=at)
    return settled - _taken(sources, {source.id: source.available for source in sources}, concerned, at)


def spendable_for(sources: Iterable[Source], *, feature_key: str, at: datetime, open_charges: Iterable[Open]) -> int:
    """What is left at `at` for a new charge of the feature once everything open is paid; never below zero.

    Other features' open charges count, too, where they draw on credit that this feature may use: whoever decides
    whether a request may pass asks for this, and not for `available_for`.
    """
    sources = list(sources)
    left = left_after(sources, at=at, open_charges=open_charges)
    return sum(left[source.id] for source in in_draw_order(sources, feature_key=feature_key, at=at))


def left_after(sources: Iterable[Source], *, at: datetime, open_charges: Iterable[Open]) -> dict[int, int]:
    """What is left of each source, by its id, once everything that is open at `at` is paid."""
    sources = list(sources)
    left = {source.id: source.available for source in sources}
    _taken(sources, left, open_charges, at)
    return left


def _taken(sources: Iterable[Source], left: dict[int, int], open_charges: Iterable[Open], at: datetime) -> int:
    """What open charges that are due take, all in all; `left` by source is lowered by what credit pays of them."""
    due = [charge for charge in open_charges if charge.settles_at is None or charge.settles_at <= at]
    taken = 0
    for charge in sorted(due, key=lambda charge: not charge.may_overdraw):
        uncovered = charge.amount
        for source in in_draw_order(sources, feature_key=charge.feature_key, at=at):
            part = min(left[source.id], uncovered)
            left[source.id] -= part
            uncovered -= part
        taken += charge.amount if charge.may_overdraw else charge.amount - uncovered
    return taken


def _rank(source: Source) -> tuple[int, bool, datetime, datetime, int]:
    return source.priority, not source.features, source.expires_at or NEVER, source.granted_at, source.id


def _concerns(charged: str, feature_key: str | None) -> bool:
    return feature_key is None or charged in ("", feature_key)
