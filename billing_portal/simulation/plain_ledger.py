"""What a year must cost, worked out the plain way: raw events and a log of changes in, the totals of documents out.

Nothing of the engine is used here, not even its calendar or its rounding; only the standard library. Amounts are in
minor units, instants in UTC.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import pairwise

from billing_portal.simulation.plain_prices import DIGITS, Fee, PlainPlan, Tax, rounded

DAY = timedelta(days=1)
LEAD = 3 * DAY
GRACE = timedelta(hours=1)
Entry = tuple[date, int, int, bool]  # billing date, net amount, tax, whether it is issued


def midnight(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, tzinfo=UTC)


def boundaries(anchor: date, months: int = 1) -> list[date]:
    """The anchor and every so many months from it, in the month's last days where it has no such day."""
    found = []
    for number in range(0, 60, months):
        year, month = divmod(anchor.year * 12 + anchor.month - 1 + number, 12)
        found.append(date(year, month + 1, min(anchor.day, monthrange(year, month + 1)[1])))
    return found


@dataclass(frozen=True)
class Used:
    """A raw event; `corrects` names the one it takes from."""

    id: str
    feature: str
    time: datetime
    value: Decimal
    corrects: str = ""


@dataclass
class BilledWindow:
    plan: PlainPlan
    start: datetime
    end: datetime
    planned_end: datetime
    totals: dict[str, int]

    @property
    def planned_days(self) -> int:
        return max((self.planned_end.date() - self.start.date()).days, 1)

    @property
    def share(self) -> Fraction:
        if self.end == self.planned_end:
            return Fraction(1)
        return Fraction((self.end.date() - self.start.date()).days, self.planned_days)

    @property
    def limits(self) -> Fraction:
        """Of a window of no whole day those of one."""
        return self.share or Fraction(1, self.planned_days)


@dataclass
class Spell:
    """On a paid plan. `charged`: up to which day, by fee."""

    plan: PlainPlan
    anchor: date
    start: datetime
    window_from: datetime
    next_billing: date
    charged: dict[str, date]


@dataclass
class Document:
    billing_on: date
    amount: int
    windows: list[BilledWindow]  # as they were before, should it be discarded; and the spell
    spell: Spell | None


@dataclass
class PlainCustomer:
    """One customer's account. `since`: when the present plan began, a paid one or not."""

    tax: Tax
    since: datetime
    events: list[Used] = field(default_factory=list)
    spell: Spell | None = None
    windows: list[BilledWindow] = field(default_factory=list)
    drafts: list[Document] = field(default_factory=list)
    issued: list[tuple[date, int]] = field(default_factory=list)
    follow_up: tuple[date, date, str] | None = None  # anchor, next billing date, currency
    scheduled: tuple[datetime, PlainPlan | None] | None = None

    @property
    def plan(self) -> PlainPlan | None:
        return self.spell.plan if self.spell else None

    @property
    def documents(self) -> list[Entry]:
        drafts = [(draft.billing_on, *self.tax.split(draft.amount), False) for draft in self.drafts]
        return sorted([*((on, *self.tax.split(amount), True) for on, amount in self.issued), *drafts])

    # -- what was used

    def quantity(self, feature: str, start: datetime, end: datetime) -> Fraction:
        inside = {event.id: event for event in self.events if event.feature == feature and start <= event.time < end}
        left = {name: Fraction(event.value) for name, event in inside.items() if not event.corrects}
        corrected = set()
        for event in self.events:
            if event.corrects in left:
                left[event.corrects] += Fraction(event.value)
                corrected.add(event.corrects)
        if feature == "requests":
            return Fraction(len(left) - len(corrected))
        if feature == "peak":
            return max((value for name, value in left.items() if value or name not in corrected), default=Fraction(0))
        return sum(left.values(), Fraction(0))

    def rate(self, window: BilledWindow) -> dict[str, tuple[int, int]]:
        rated = {}
        for price in window.plan.prices:
            quantity = self.quantity(price.feature, window.start, window.end)
            rated[price.feature] = price.lines(quantity, window.share, window.limits, window.plan.currency)
        return rated

    # -- what is billed

    def late(self) -> tuple[list[int], list[tuple[BilledWindow, str, int]]]:
        """What every billed window would cost by now, less what was billed of it; and how to remember it."""
        lines, moves = [], []
        for window in self.windows:
            for feature, (usage, missing) in self.rate(window).items():
                moves.append((window, feature, usage + missing))
                lines.append(usage + missing - window.totals[feature])
        return [line for line in lines if line], moves

    @staticmethod
    def fee(spell: Spell, fee: Fee, until: date) -> list[int]:
        """From where it is charged to that day, by period; given back where that lies before. Moves on."""
        since, spell.charged[fee.key] = spell.charged[fee.key], until
        sign, since, until = (1, since, until) if since <= until else (-1, until, since)
        lines = []
        for start, end in pairwise(boundaries(spell.anchor, fee.months)):
            first, last = max(start, since), min(end, until)
            if first < last:
                days = (end - start).days
                upto = rounded(Fraction(fee.amount * (last - start).days, days))
                lines.append(sign * (upto - rounded(Fraction(fee.amount * (first - start).days, days))))
        return lines

    def fees(self, spell: Spell, billing_on: date, following: date, timings: tuple[str, ...]) -> list[int]:
        """What a billing date charges: periods that end by it, in arrears; those that begin by it, in advance."""
        lines: list[int] = []
        for fee in spell.plan.fees:
            dates = boundaries(spell.anchor, fee.months)
            if fee.timing not in timings:
                continue
            if fee.timing == "in_advance":
                until = next(on for on in dates if on >= following)
            else:
                until = max(spell.charged[fee.key], *(on for on in dates if on <= billing_on))
            lines += self.fee(spell, fee, until)
        return lines

    def usage(self, spell: Spell, until: datetime) -> list[int]:
        """Of the windows up to that instant, and late usage of those before. Moves on."""
        late, moves = self.late()
        lines: list[int] = []
        for on in boundaries(spell.anchor)[1:]:
            start, end = spell.window_from, midnight(on) - LEAD
            if start < end and start < until:
                window = BilledWindow(spell.plan, start, min(end, until), end, {})
                for feature, amounts in self.rate(window).items():
                    lines += amounts
                    window.totals[feature] = sum(amounts)
                self.windows.append(window)
                spell.window_from = window.end
        spell.window_from = until
        self._remember(moves)
        return lines + late

    @staticmethod
    def _remember(moves: list[tuple[BilledWindow, str, int]]) -> None:
        for window, feature, amount in moves:
            window.totals[feature] = amount

    # -- what happens

    def change(self, plan: PlainPlan | None, at: datetime) -> None:
        """Another plan, or none that is paid, from this instant on; what is left of the old one is issued at once."""
        before, self.scheduled, self.since, anchor = self.spell, None, at, at.date()
        lines: list[int] = []
        if before is not None:
            before = self._discard(before)
            for fee in before.plan.fees:
                lines += self.fee(before, fee, at.date()) if fee.timing != "one_time" else []
            lines += self.usage(before, at)
            if plan is None:
                following = self._next_calculated(before.anchor, at)
                self.follow_up = (before.anchor, following, before.plan.currency)
            else:
                anchor = before.anchor
        self.spell = None
        if plan is not None:
            self.follow_up = None
            lines += self._begin(plan, anchor, at, before)
        if any(lines):
            self.issued.append((at.date(), sum(lines)))

    def _begin(self, plan: PlainPlan, anchor: date, at: datetime, before: Spell | None) -> list[int]:
        following = self._next_calculated(anchor, at)
        self.spell = Spell(plan, anchor, at, at, following, {fee.key: at.date() for fee in plan.fees})
        once = [fee.amount for fee in plan.fees if fee.timing == "one_time"]
        again = before is not None and before.plan.key == plan.key
        return ([] if again else once) + self.fees(self.spell, at.date(), following, ("in_advance",))

    def fail_to_begin(self, plan: PlainPlan, at: datetime) -> None:
        """A plan whose first invoice was paid in part only, by a credit: it is given back by a document."""
        amount = sum(self._begin(plan, at.date(), at, None))
        self.spell = None
        self.issued += [(at.date(), amount), (at.date(), -amount)]

    @staticmethod
    def _next_calculated(anchor: date, after: datetime) -> date:
        return next(on for on in boundaries(anchor)[1:] if midnight(on) - LEAD > after)

    def _discard(self, spell: Spell) -> Spell:
        """Undo what was only announced."""
        if self.drafts:
            self.windows = self.drafts[0].windows
        own = [draft.spell for draft in self.drafts if draft.spell and draft.spell.start == spell.start]
        self.drafts = []
        return own[0] if own else spell

    def _windows(self) -> list[BilledWindow]:
        return [replace(window, totals=dict(window.totals)) for window in self.windows]

    def period_end(self, at: datetime) -> datetime:
        anchor = self.spell.anchor if self.spell else self.since.date()
        return midnight(next(on for on in boundaries(anchor) if on > at.date()))

    def is_billed(self, moment: datetime) -> bool:
        """Whether what came after that instant is issued already, or was another plan's."""
        own = [draft.spell for draft in self.drafts if draft.spell and self.spell and draft.spell.start == self.since]
        spell = own[0] if own else self.spell
        return moment < (spell.window_from if spell else self.since)

    def run(self, now: datetime) -> None:
        """Everything that is due, in the order of its time, however long nobody looked."""
        while ahead := sorted(self._ahead(), key=lambda one: one[:2]):
            at, rank, act = ahead[0]
            if at + (GRACE if rank > 1 else timedelta(0)) > now:
                return
            act()

    def _ahead(self) -> Iterator[tuple[datetime, int, Callable[[], None]]]:
        for draft in self.drafts:
            yield midnight(draft.billing_on), 0, partial(self._finalize, draft)
        if self.scheduled is not None:
            yield self.scheduled[0], 1, self._carry_out
        if self.spell is not None:
            yield midnight(self.spell.next_billing) - LEAD, 2, self._calculate
        if self.follow_up is not None:
            yield midnight(self.follow_up[1]) - LEAD, 3, self._look_for_late_usage

    def _finalize(self, draft: Document) -> None:
        self.drafts.remove(draft)
        self.issued.append((draft.billing_on, draft.amount))

    def _carry_out(self) -> None:
        assert self.scheduled is not None
        (at, plan), self.scheduled = self.scheduled, None
        if plan != self.plan:
            self.change(plan, at)

    def _calculate(self) -> None:
        spell = self.spell
        assert spell is not None
        windows, billing_on = self._windows(), spell.next_billing
        before = replace(spell, charged=dict(spell.charged))
        following = next(on for on in boundaries(spell.anchor) if on > billing_on)
        lines = self.fees(spell, billing_on, following, ("in_arrears", "in_advance"))
        lines += self.usage(spell, midnight(billing_on) - LEAD)
        if any(lines):
            self.drafts.append(Document(billing_on, sum(lines), windows, before))
        spell.next_billing = following

    def _look_for_late_usage(self) -> None:
        assert self.follow_up is not None
        anchor, billing_on, currency = self.follow_up
        windows = self._windows()
        lines, moves = self.late()
        if sum(lines) and abs(sum(lines)) >= 10 ** DIGITS[currency]:
            self._remember(moves)
            self.drafts.append(Document(billing_on, sum(lines), windows, None))
        self.follow_up = (anchor, next(on for on in boundaries(anchor) if on > billing_on), currency)
