"""PURE: what is done about unpaid invoices, worked out anew from facts: what is unpaid, and what was delivered.

Nothing here remembers anything. Per customer one *ladder* is climbed at a time, that of the invoice overdue longest:
messages on `notice_days` of its story, each keeping its distance after the one before, the last one naming the
consequence. See docs/algorithms/dunning.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from core.periods import midnight, utc_day

Consequence = Literal["none", "downgrade", "hold"]
StepKind = Literal["try", "reminder", "final", "consequence"]

DAY = timedelta(days=1)
# The bank says that this card will never pay: trying it again only looks like fraud.
HARD_DECLINES = frozenset(
    {"amount_not_chargeable", "expired_card", "fraudulent", "incorrect_number", "invalid_account", "lost_card"}
    | {"pickup_card", "stolen_card"}
)


class NamedConsequence(NamedTuple):
    """What the customer's plan says, pushed down by plans; `sentence` (accounts/figures.py) names it in the final
    warning."""

    kind: Consequence = "none"
    sentence: Mapping[str, Any] | str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """`notice_days`: days of the story on which a message is due, the last of them the final warning; `patience`: from
    its delivery until the consequence."""

    notice_days: tuple[int, ...]
    patience: timedelta
    consequence: Consequence = "none"


@dataclass(frozen=True, slots=True)
class UnpaidInvoice:
    """An open invoice. `declined_at`: when its automatic collection was declined first; `next_try`: when it is
    collected (again), None where nothing will be; `is_unresolved`: a payment of it has no outcome yet."""

    id: int
    due_on: date
    declined_at: datetime | None = None
    next_try: datetime | None = None
    is_unresolved: bool = False

    @property
    def overdue_since(self) -> datetime:
        """The first decline, or the day after it was due, whichever is earlier."""
        late = midnight(self.due_on + DAY)
        return min(self.declined_at, late) if self.declined_at else late


@dataclass(frozen=True, slots=True)
class OverdueNotice:
    """A message about one invoice that was not paid; `delivered_at` None: still in the outbox. `warns_of`: the
    consequence that it names, of a final warning."""

    invoice_id: int
    delivered_at: datetime | None
    warns_of: str = ""


class DunningState(StrEnum):
    """How far a customer's story has come."""

    CLEAR = "clear"
    OVERDUE = "overdue"
    WARNED = "warned"
    CONSEQUENCE = "consequence"


@dataclass(frozen=True, slots=True)
class Step:
    """What comes, and not before when. `stage`: of a message, its place on the ladder."""

    kind: StepKind
    at: datetime
    invoice_id: int
    stage: int = 0


@dataclass(frozen=True, slots=True)
class Dunning:
    """Where a customer stands. `steps`: what comes, in order of time; `due`: the message or consequence that is due
    now; `late`: the overdue invoices, longest first; `waits`: a payment without an outcome holds everything up."""

    state: DunningState = DunningState.CLEAR
    late: tuple[int, ...] = ()
    since: datetime | None = None
    steps: tuple[Step, ...] = ()
    due: Step | None = None
    waits: bool = False

    @property
    def tells(self) -> bool:
        """Whether a message is due now."""
        return self.due is not None and self.due.kind in ("reminder", "final")

    @property
    def ends(self) -> Step | None:
        """The consequence, at the earliest; None where nothing follows."""
        return next((step for step in self.steps if step.kind == "consequence"), None)


@dataclass(frozen=True, slots=True)
class _Rung:
    """The next message on an invoice's ladder: its stage and the day from which it is due."""

    invoice: UnpaidInvoice
    stage: int
    on: date
    is_queued: bool


def next_try(declines: Sequence[datetime], code: str, retry_days: Sequence[int]) -> datetime | None:
    """When a collection is tried again after these declines (oldest first, the last one just now), None: no more.

    Counted from the first decline; late, each try keeps its distance after the one before.
    """
    number = len(declines)
    if code in HARD_DECLINES or not 1 <= number <= len(retry_days):
        return None
    day, before = retry_days[number - 1], retry_days[number - 2] if number > 1 else 0
    return max(declines[0] + day * DAY, declines[-1] + (day - before) * DAY)


def dunning(unpaid: Iterable[UnpaidInvoice], told: Iterable[OverdueNotice], policy: Policy, at: datetime) -> Dunning:
    """One customer's state at an instant of their own clock; the order of invoices and messages does not matter."""
    invoices = sorted(unpaid, key=lambda invoice: (invoice.overdue_since, invoice.id))
    late = [invoice for invoice in invoices if invoice.overdue_since <= at]
    if not late:
        return Dunning()
    notices = list(told)
    waits = any(invoice.is_unresolved for invoice in invoices)
    rung = _next_rung(late, notices, policy)
    ends = _consequence(late, notices, policy)
    steps = [Step("try", one.next_try, one.id) for one in late if one.next_try]
    steps += [_message(rung, policy)] if rung else []
    steps += [ends] if ends else _earliest(rung, policy)
    due = None if waits else _due(late, rung, ends, policy, at)
    return Dunning(
        state=_state(ends, due),
        late=tuple(invoice.id for invoice in late),
        since=late[0].overdue_since,
        steps=() if waits else tuple(sorted(steps, key=lambda step: (step.at, step.kind, step.invoice_id))),
        due=due,
        waits=waits,
    )


def _state(ends: Step | None, due: Step | None) -> DunningState:
    if due is not None and due.kind == "consequence":
        return DunningState.CONSEQUENCE
    return DunningState.WARNED if ends else DunningState.OVERDUE


def _due(
    late: Sequence[UnpaidInvoice], rung: _Rung | None, ends: Step | None, policy: Policy, at: datetime
) -> Step | None:
    """The consequence before any message: it tells the customer itself."""
    if ends is not None and ends.at <= at:
        return ends
    being_tried = any(invoice.next_try and invoice.next_try <= at for invoice in late)  # its outcome tells
    if rung is None or rung.is_queued or rung.invoice.next_try or being_tried or utc_day(at) < rung.on:
        return None
    return _message(rung, policy)


def _message(rung: _Rung, policy: Policy) -> Step:
    """The next one. While tries are left their outcomes are the messages, so it is the last one that comes after them:
    on its earliest day."""
    last = len(policy.notice_days) - 1
    stage = last if rung.invoice.next_try else rung.stage
    kind: StepKind = "final" if stage == last and policy.consequence != "none" else "reminder"
    at = midnight(rung.on) + (policy.notice_days[stage] - policy.notice_days[rung.stage]) * DAY
    return Step(kind, max(at, rung.invoice.next_try or at), rung.invoice.id, stage)


def _consequence(late: Sequence[UnpaidInvoice], notices: Sequence[OverdueNotice], policy: Policy) -> Step | None:
    """When it may follow: the patience counts from the delivery of the warning that names this very consequence, on
    an invoice that is still overdue and not about to be collected."""
    if policy.consequence == "none":
        return None
    ids = {invoice.id for invoice in late if invoice.next_try is None}
    warnings = [
        Step("consequence", notice.delivered_at + policy.patience, notice.invoice_id)
        for notice in notices
        if notice.invoice_id in ids and notice.warns_of == policy.consequence and notice.delivered_at
    ]
    return min(warnings, key=lambda step: (step.at, step.invoice_id), default=None)


def _earliest(rung: _Rung | None, policy: Policy) -> list[Step]:
    """The consequence as it would come if every message went out on its first day."""
    if rung is None or policy.consequence == "none":
        return []
    left = policy.notice_days[-1] - policy.notice_days[rung.stage]
    return [Step("consequence", midnight(rung.on) + left * DAY + policy.patience, rung.invoice.id)]


def _next_rung(late: Sequence[UnpaidInvoice], notices: Sequence[OverdueNotice], policy: Policy) -> _Rung | None:
    """Of the invoice overdue longest whose ladder has not been climbed to its end."""
    rungs = (_rung(invoice, notices, policy) for invoice in late)
    return next((rung for rung in rungs if rung is not None), None)


def _rung(invoice: UnpaidInvoice, notices: Sequence[OverdueNotice], policy: Policy) -> _Rung | None:
    """Messages in the order of their delivery; one that came on or after its stage's day stands for that stage,
    whatever it was: a decline tells as much as a reminder. None: nothing is left to be told."""
    mine = [notice for notice in notices if notice.invoice_id == invoice.id]
    named = policy.consequence != "none"
    if named and any(notice.warns_of == policy.consequence and notice.delivered_at for notice in mine):
        return None
    days, began = policy.notice_days, utc_day(invoice.overdue_since)
    last = len(days) - 1
    stage, on = 0, began + days[0] * DAY
    for told_on in sorted(utc_day(notice.delivered_at) for notice in mine if notice.delivered_at):
        if told_on < on or (named and stage == last):
            continue
        if stage == last:
            return None
        stage += 1
        on = max(began + days[stage] * DAY, told_on + (days[stage] - days[stage - 1]) * DAY)
    return _Rung(invoice, stage, on, is_queued=any(notice.delivered_at is None for notice in mine))
