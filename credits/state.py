"""PURE: one customer's credit in one currency in memory, and what every operation does to it.

A verb loads purses, lets them act, and has the outcome written once (credits/storage.py). A preview does the same and
writes nothing. What is booked collects in `Journal`; rows that changed are marked.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from credits import drawdown
from credits.charges import Allocation, ChargeDraft
from credits.drawdown import Allocated, Owed, Source

CREDIT, OVERDRAFT, ACCRUED = "customer_credit", "overdraft", "accrued"
EARNINGS, BREAKAGE, FUNDING = "earnings", "breakage", "funding"


@dataclass(slots=True)
class GrantState:
    """A grant's row, as far as booking needs it. The fields are the row's."""

    id: int
    public_id: str
    customer_id: int
    currency: str
    funding: str
    name: str
    priority: int
    features: frozenset[str]
    effective_at: datetime
    expires_at: datetime | None
    created_at: datetime
    paid_at: datetime | None
    released_at: datetime | None
    settled_at: datetime | None
    pending: int
    available: int
    repaid: int
    used: int
    expired: int
    voided: int
    taken_back: int = 0
    changed: bool = False
    moved: bool = False  # also when it was paid, released or settled

    def source(self) -> Source:
        return Source(
            self.id, self.priority, self.features, self.effective_at, self.expires_at, self.created_at, self.available
        )

    def due_at(self, until: datetime) -> datetime | None:
        """When the next thing happens to it by itself, where that is by `until`: it is released, or it expires."""
        if self.pending and self.paid_at is not None and self.effective_at <= until:
            return self.effective_at
        if self.available and self.expires_at is not None and self.expires_at <= until:
            return max(self.expires_at, self.released_at or self.expires_at)
        return None

    def is_over(self, at: datetime) -> bool:
        """Whether what comes back to it at `at` is lost at once."""
        return self.settled_at is not None or (self.expires_at is not None and self.expires_at <= at)


@dataclass(slots=True)
class AllocationState:
    """What a grant pays of a charge. `id` is None until it is written."""

    grant: GrantState
    position: int
    amount: int
    is_repayment: bool
    returned: int = 0
    id: int | None = None
    changed: bool = False


@dataclass(slots=True)
class ChargeState:
    """A charge's row. `id` is None until it is written; `allocations` are those that were loaded or are new."""

    key: str
    group: str
    customer_id: int
    currency: str
    feature_key: str
    title: str
    line_key: str
    details: Mapping[str, Any]
    amount: int
    booked_at: datetime
    created_at: datetime
    is_final: bool
    covered: int = 0
    overdraft: int = 0
    returned: int = 0
    id: int | None = None
    next_position: int = 0
    changed: bool = False
    allocations: list[AllocationState] = field(default_factory=list)

    @property
    def accrued(self) -> int:
        """What stands on a draft: drawn and not given back. Repayments are earned at once, as overdraft was."""
        if self.is_final:
            return 0
        return sum(one.amount - one.returned for one in self.allocations if not one.is_repayment)

    def pay(self, grant: GrantState, amount: int, *, is_repayment: bool) -> None:
        self.allocations.append(AllocationState(grant, self.next_position, amount, is_repayment))
        self.next_position += 1
        self.covered += amount
        self.changed = True

    def outcome(self) -> Allocation:
        parts = tuple(
            (one.grant.public_id, one.grant.name, one.amount - one.returned)
            for one in self.allocations
            if one.amount > one.returned
        )
        return Allocation(self.key, self.amount, self.covered, self.overdraft, parts)


class EntryDraft(NamedTuple):
    """One side of a posting, on an account of the posting's customer or of the business."""

    account: str
    amount: int
    grant: GrantState | None = None
    charge: ChargeState | None = None


class Corrected(NamedTuple):
    """The transaction that a correction takes back; a preview, and what has not been written yet, have no id."""

    id: int
    key: str


class Posting(NamedTuple):
    """A transaction that is to be appended."""

    customer_id: int
    currency: str
    key: str
    kind: str
    amount: int
    booked_at: datetime
    description: str
    entries: tuple[EntryDraft, ...]
    grant: GrantState | None = None
    charge: ChargeState | None = None
    corrects: Corrected | None = None


# Which transaction drew what a charge holds: by (charge key, grant id); None is its overdraft, and repayments are
# found under (charge key, −grant id).
Origins = Mapping[tuple[str, int | None], Corrected]


@dataclass(slots=True)
class Purse:
    """A customer's credit in one currency.

    `grants` are at least all that are open, `owed` the overdrawn charges, `charges` all that were loaded or are new.
    """

    customer_id: int
    currency: str
    journal: list[Posting]
    grants: dict[int, GrantState] = field(default_factory=dict)
    owed: list[ChargeState] = field(default_factory=list)
    charges: list[ChargeState] = field(default_factory=list)

    # --- what happens by itself -------------------------------------------------------------------------------------
    def book_due(self, until: datetime) -> int:
        """Book releases and expiries that are due by `until`, in the order of their instants; how many."""
        booked = 0
        while due := self._next_due(until):
            instant, _, grant = due
            if grant.pending and grant.paid_at is not None and grant.effective_at <= until:
                self._take_in(grant, instant, "released")
            else:
                self.forfeit(grant, instant, "expired", f"grant:{grant.public_id}:expired")
            booked += 1
        return booked

    def _next_due(self, until: datetime) -> tuple[datetime, int, GrantState] | None:
        due = [(instant, grant.id, grant) for grant in self.grants.values() if (instant := grant.due_at(until))]
        return min(due) if due else None

    # --- grants -----------------------------------------------------------------------------------------------------
    def fund(self, grant: GrantState, at: datetime) -> None:
        """A grant is paid: overdraft first, the rest becomes available, at once or when it is effective."""
        self.grants[grant.id] = grant
        grant.paid_at, grant.moved = at, True
        self._take_in(grant, at, "funded")

    def _take_in(self, grant: GrantState, at: datetime, word: str) -> None:
        self.owed.sort(key=_age)
        debts = [Owed(number, charge.feature_key, charge.overdraft) for number, charge in enumerate(self.owed)]
        repaid, rest = drawdown.repay(debts, amount=grant.pending, features=grant.features)
        left = rest if grant.effective_at <= at else 0
        moved = left + sum(amount for _, amount in repaid)
        entries = [EntryDraft(FUNDING, -moved, grant)]
        if left:
            entries.append(EntryDraft(CREDIT, left, grant))
        for number, amount in repaid:
            charge = self.owed[number]
            entries.append(EntryDraft(OVERDRAFT, amount, grant, charge))
            charge.overdraft -= amount
            charge.pay(grant, amount, is_repayment=True)
        self.owed = [charge for charge in self.owed if charge.overdraft]
        grant.pending -= moved
        grant.available += left
        grant.repaid += moved - left
        grant.changed = True
        if grant.effective_at <= at:
            grant.released_at, grant.moved = at, True
        if moved:
            kind = "adjustment" if grant.funding == "adjustment" else "funded"
            self._post(f"grant:{grant.public_id}:{word}", kind, moved, at, grant.name, entries, grant=grant)

    def forfeit(self, grant: GrantState, at: datetime, kind: str, key: str) -> None:
        """What is left of a grant is gone: `kind` is expired or voided."""
        amount = grant.available
        entries = (EntryDraft(CREDIT, -amount, grant), EntryDraft(BREAKAGE, amount, grant))
        self._post(key, kind, -amount, at, grant.name, entries, grant=grant)
        grant.available = 0
        if kind == "voided":
            grant.voided += amount
        else:
            grant.expired += amount
        grant.settled_at, grant.changed, grant.moved = grant.settled_at or at, True, True

    def take_back(self, grant: GrantState, amount: int, at: datetime, key: str) -> None:
        """Its price is given back or never paid: what was not on the ledger goes first, then what is unused."""
        waiting = min(amount, grant.pending)
        grant.pending -= waiting
        grant.taken_back += amount
        grant.changed = True
        if unused := amount - waiting:
            grant.available -= unused
            entries = (EntryDraft(CREDIT, -unused, grant), EntryDraft(FUNDING, unused, grant))
            self._post(key, "voided", -unused, at, grant.name, entries, grant=grant)
        if not (grant.pending or grant.available or grant.used or grant.repaid):
            grant.settled_at, grant.moved = grant.settled_at or at, True

    # --- charges ----------------------------------------------------------------------------------------------------
    def charge(self, draft: ChargeDraft, at: datetime) -> ChargeState | None:
        """Pay a charge; None where no credit pays for it and it must not overdraw."""
        return self.take(draft, at, kind="consumed", to=EARNINGS if draft.is_final else ACCRUED, beyond=EARNINGS)

    def take(self, draft: ChargeDraft, at: datetime, *, kind: str, to: str, beyond: str) -> ChargeState | None:
        """Take credit for a charge: covered amounts go to the account `to`, overdraft to `beyond`."""
        self.book_due(draft.booked_at)
        sources = [grant.source() for grant in self.grants.values() if grant.available]
        drawn = drawdown.draw(sources, amount=draft.amount, feature_key=draft.feature_key, at=draft.booked_at)
        if not (drawn.parts or draft.may_overdraw):
            return None
        charge = ChargeState(
            draft.key, draft.group, draft.customer_id, draft.currency, draft.feature_key, draft.title, draft.line_key,
            draft.details, draft.amount, draft.booked_at, at, draft.is_final, changed=True,
        )  # fmt: skip
        self.charges.append(charge)
        for part in drawn.parts:
            self._draw(charge, self.grants[part.source_id], part.amount, kind, to)
        if drawn.uncovered and draft.may_overdraw:
            amount = charge.overdraft = drawn.uncovered
            self.owed.append(charge)
            entries = (EntryDraft(OVERDRAFT, -amount, None, charge), EntryDraft(beyond, amount, None, charge))
            self._post(f"{charge.key}#0", kind, -amount, charge.booked_at, charge.title, entries, charge=charge)
        return charge

    def _draw(self, charge: ChargeState, grant: GrantState, amount: int, kind: str, to: str) -> None:
        grant.available -= amount
        grant.used += amount
        grant.changed = True
        charge.pay(grant, amount, is_repayment=False)
        entries = (EntryDraft(CREDIT, -amount, grant, charge), EntryDraft(to, amount, grant, charge))
        key = f"{charge.key}#{charge.next_position}"
        self._post(key, kind, -amount, charge.booked_at, charge.title, entries, grant=grant, charge=charge)

    def recognize(self, charge: ChargeState, at: datetime) -> None:
        """The draft that a charge stood on is issued: what was accrued is earned."""
        if amount := charge.accrued:
            entries = (EntryDraft(ACCRUED, -amount, None, charge), EntryDraft(EARNINGS, amount, None, charge))
            self._post(f"{charge.key}:recognized", "recognized", 0, at, charge.title, entries, charge=charge)
        charge.is_final, charge.changed = True, True

    # --- corrections ------------------------------------------------------------------------------------------------
    def give_back(
        self, charge: ChargeState, amount: int, at: datetime, *, key: str, description: str, origins: Origins
    ) -> None:
        """Unwind `amount` of a charge: its overdraft, then what grants pay of it, the newest first.

        `key` is the operation's, for this charge alone.
        """
        held = [one for one in charge.allocations if one.amount > one.returned]
        allocated = [Allocated(number, one.amount - one.returned) for number, one in enumerate(held)]
        unwound = drawdown.unwind(allocated, overdraft=charge.overdraft, amount=amount)
        text = description or charge.title
        if owed := unwound.overdraft:
            charge.overdraft -= owed
            entries = (EntryDraft(OVERDRAFT, owed, None, charge), EntryDraft(EARNINGS, -owed, None, charge))
            origin = origins.get((charge.key, None))
            self._post(f"{key}.0", "correction", owed, at, text, entries, charge=charge, corrects=origin)
        for number, part in unwound.parts:
            self._return(charge, held[number], part, at, key=key, text=text, origins=origins)
        self.owed = [one for one in self.owed if one.overdraft]
        charge.returned += amount
        charge.changed = True

    def _return(
        self,
        charge: ChargeState,
        allocation: AllocationState,
        amount: int,
        at: datetime,
        *,
        key: str,
        text: str,
        origins: Origins,
    ) -> None:
        grant = allocation.grant
        accrued = not charge.is_final and not allocation.is_repayment
        entries = (
            EntryDraft(ACCRUED if accrued else EARNINGS, -amount, grant, charge),
            EntryDraft(CREDIT, amount, grant, charge),
        )
        origin = origins.get((charge.key, -grant.id if allocation.is_repayment else grant.id))
        key = f"{key}.{allocation.position + 1}"
        self._post(key, "correction", amount, at, text, entries, grant=grant, charge=charge, corrects=origin)
        allocation.returned += amount
        allocation.changed = True
        charge.covered -= amount
        if allocation.is_repayment:
            grant.repaid -= amount
        else:
            grant.used -= amount
        grant.available += amount
        grant.changed = True
        if grant.is_over(at):
            kind = "voided" if grant.voided else "expired"
            self.forfeit(grant, at, kind, f"{key}:{kind}")

    def _post(
        self,
        key: str,
        kind: str,
        amount: int,
        at: datetime,
        description: str,
        entries: Iterable[EntryDraft],
        *,
        grant: GrantState | None = None,
        charge: ChargeState | None = None,
        corrects: Corrected | None = None,
    ) -> None:
        facts = self.customer_id, self.currency, key, kind, amount, at, description, tuple(entries)
        self.journal.append(Posting(*facts, grant, charge, corrects))


def held_by(charges: Iterable[ChargeState]) -> int:
    """What these charges hold, and could give back."""
    return sum(charge.covered + charge.overdraft for charge in charges)


def newest_first(charges: Iterable[ChargeState]) -> Iterator[ChargeState]:
    return iter(sorted(charges, key=_age, reverse=True))


def _age(charge: ChargeState) -> tuple[datetime, bool, int]:
    """Oldest first; of the same instant, the one written first."""
    return charge.booked_at, charge.id is None, charge.id or 0
