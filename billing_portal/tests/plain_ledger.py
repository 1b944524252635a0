"""What a year must cost, worked out the plain way: raw events and a log of changes in, the totals of documents out.

Nothing of the engine is used here, not even its calendar or its rounding; only the standard library. Amounts are in
minor units, instants in UTC.
"""

from calendar import monthrange
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from itertools import pairwise

EXACT = Context(prec=80)
DIGITS = {"USD": 2, "JPY": 0}
DAY = timedelta(days=1)


def rounded(value: Fraction) -> int:
    exact = EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP, EXACT))


def midnight(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, tzinfo=UTC)


@dataclass(frozen=True)
class Price:
    """Of one feature. `tiers` are (up to, unit price, flat price); minimum, maximum and flat prices in minor units."""

    feature: str
    model: str
    unit: str = "0"
    per: int = 1
    free: int = 0
    tiers: tuple[tuple[int | None, str, int], ...] = ()
    discount: str = "0"
    minimum: int | None = None
    maximum: int | None = None

    def lines(self, quantity: Fraction, share: Fraction, limits: Fraction, currency: str) -> tuple[int, int]:
        """Usage and what is missing to the minimum. `limits`: the share of bounds and maximum."""
        scale = 10 ** DIGITS[currency]
        units = max(quantity - self.free * share, Fraction(0))
        price = self._listed(units, share, limits, scale) * (1 - Fraction(self.discount) / 100)
        if self.maximum is not None:
            price = min(price, self.maximum * limits)
        usage = rounded(price)
        least = rounded(self.minimum * share) if self.minimum is not None else 0
        return usage, max(least - usage, 0)

    def _listed(self, units: Fraction, share: Fraction, limits: Fraction, scale: int) -> Fraction:
        if self.model == "unit":
            return units / self.per * Fraction(self.unit) * scale
        if self.model == "package":
            return -(-units // self.per) * Fraction(self.unit) * scale
        bounds = [None if up_to is None else up_to * limits for up_to, _unit, _flat in self.tiers]
        if self.model == "volume":
            place = next(n for n, bound in enumerate(bounds) if bound is None or units <= bound)
            _up_to, unit, flat = self.tiers[place]
            return units / self.per * Fraction(unit) * scale + flat * share
        price, start = Fraction(0), Fraction(0)
        for bound, (_up_to, unit, flat) in zip(bounds, self.tiers, strict=True):
            end = units if bound is None else min(bound, units)
            price += (end - start) / self.per * Fraction(unit) * scale + flat * share
            start = end
            if start == units:
                break
        return price


@dataclass(frozen=True)
class PlainPlan:
    key: str
    currency: str
    fee: int
    prices: tuple[Price, ...]
    in_advance: bool = False


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
    """On a paid plan."""

    plan: PlainPlan
    anchor: date
    start: datetime
    window_from: datetime
    fee_from: date
    next_billing: date


@dataclass
class Document:
    billing_on: date
    subtotal: int
    windows: list[BilledWindow]  # as they were before, should it be discarded; and the spell
    spell: Spell | None


@dataclass
class PlainCustomer:
    """One customer's account. `issued`: (billing date, net amount, tax) of every document with a number."""

    tax_percent: int
    events: list[Used] = field(default_factory=list)
    spell: Spell | None = None
    windows: list[BilledWindow] = field(default_factory=list)
    drafts: list[Document] = field(default_factory=list)
    issued: list[tuple[date, int, int]] = field(default_factory=list)
    follow_up: tuple[date, date, str] | None = None  # anchor, next billing date, currency
    scheduled: tuple[date, PlainPlan] | None = None

    @property
    def plan(self) -> PlainPlan | None:
        return self.spell.plan if self.spell else None

    # -- the calendar

    @staticmethod
    def billing_date(anchor: date, number: int) -> date:
        year, month = divmod(anchor.year * 12 + anchor.month - 1 + number, 12)
        return date(year, month + 1, min(anchor.day, monthrange(year, month + 1)[1]))

    def billing_dates(self, anchor: date) -> list[date]:
        return [self.billing_date(anchor, number) for number in range(40)]

    def next_calculated(self, anchor: date, after: datetime) -> date:
        return next(on for on in self.billing_dates(anchor)[1:] if midnight(on) - 3 * DAY > after)

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

    def fees(self, spell: Spell, until: date) -> list[int]:
        """From where they are charged to that day, by period; given back where that lies before."""
        sign, since, until = (1, spell.fee_from, until) if spell.fee_from <= until else (-1, until, spell.fee_from)
        lines = []
        for start, end in pairwise(self.billing_dates(spell.anchor)):
            first, last = max(start, since), min(end, until)
            if first < last:
                days = (end - start).days
                upto = rounded(Fraction(spell.plan.fee * (last - start).days, days))
                lines.append(sign * (upto - rounded(Fraction(spell.plan.fee * (first - start).days, days))))
        return lines

    def usage(self, spell: Spell, until: datetime) -> tuple[list[int], list[BilledWindow]]:
        lines: list[int] = []
        windows, start = [], spell.window_from
        for on in self.billing_dates(spell.anchor)[1:]:
            end = midnight(on) - 3 * DAY
            if end <= start or start >= until:
                continue
            window = BilledWindow(spell.plan, start, min(end, until), end, {})
            for feature, amounts in self.rate(window).items():
                lines += amounts
                window.totals[feature] = sum(amounts)
            windows.append(window)
            start = window.end
        return lines, windows

    def bill(self, spell: Spell, window_until: datetime, fee_until: date) -> list[int]:
        """Fees, usage and late usage; moves on."""
        usage, windows = self.usage(spell, window_until)
        late, moves = self.late()
        lines = [*self.fees(spell, fee_until), *usage, *late]
        for window, feature, amount in moves:
            window.totals[feature] = amount
        self.windows += windows
        spell.window_from, spell.fee_from = window_until, fee_until
        return lines

    def issue(self, billing_on: date, subtotal: int) -> None:
        self.issued.append((billing_on, subtotal, rounded(Fraction(subtotal * self.tax_percent, 100))))

    # -- what happens

    def change(self, plan: PlainPlan | None, at: datetime) -> None:
        """Another plan, or none that is paid, from this instant on; what is left of the old one is issued at once."""
        before, self.scheduled, anchor = self.spell, None, at.date()
        lines: list[int] = []
        if before is not None:
            before = self._discard(before)
            lines += self.bill(before, at, at.date())
            if plan is None:
                self.follow_up = (before.anchor, self.next_calculated(before.anchor, at), before.plan.currency)
            else:
                anchor = before.anchor
        self.spell = None
        if plan is not None:
            self.follow_up = None
            self.spell = Spell(plan, anchor, at, at, at.date(), self.next_calculated(anchor, at))
            if plan.in_advance:
                lines += self.fees(self.spell, self.spell.next_billing)
                self.spell.fee_from = self.spell.next_billing
        if any(lines):
            self.issue(at.date(), sum(lines))

    def _discard(self, spell: Spell) -> Spell:
        """Undo what was only announced."""
        if self.drafts:
            self.windows = self.drafts[0].windows
        own = [draft.spell for draft in self.drafts if draft.spell and draft.spell.start == spell.start]
        self.drafts = []
        return own[0] if own else spell

    def schedule(self, plan: PlainPlan, at: datetime) -> None:
        """Another plan from the next billing date on."""
        assert self.spell is not None
        self.scheduled = (next(on for on in self.billing_dates(self.spell.anchor) if on > at.date()), plan)

    def run(self, today: date) -> None:
        """The night's run, two hours into the day."""
        self._calculate(today)
        self._finalize(today)
        if self.scheduled is not None and self.scheduled[0] <= today:
            on, plan = self.scheduled
            self.change(plan, midnight(on))
        self._look_for_late_usage(today)

    def _calculate(self, today: date) -> None:
        spell = self.spell
        if spell is None or spell.next_billing - 3 * DAY > today:
            return
        windows, before = deepcopy(self.windows), replace(spell)
        dates = self.billing_dates(spell.anchor)
        following = dates[dates.index(spell.next_billing) + 1]
        fee_until = following if spell.plan.in_advance else spell.next_billing
        lines = self.bill(spell, midnight(spell.next_billing) - 3 * DAY, fee_until)
        if any(lines):
            self.drafts.append(Document(spell.next_billing, sum(lines), windows, before))
        spell.next_billing = following

    def _finalize(self, today: date) -> None:
        for draft in [draft for draft in self.drafts if draft.billing_on <= today]:
            self.drafts.remove(draft)
            self.issue(draft.billing_on, draft.subtotal)

    def _look_for_late_usage(self, today: date) -> None:
        if self.follow_up is None:
            return
        anchor, billing_on, currency = self.follow_up
        if billing_on - 3 * DAY > today:
            return
        windows = deepcopy(self.windows)
        lines, moves = self.late()
        if sum(lines) and abs(sum(lines)) >= 10 ** DIGITS[currency]:
            for window, feature, amount in moves:
                window.totals[feature] = amount
            self.drafts.append(Document(billing_on, sum(lines), windows, None))
        dates = self.billing_dates(anchor)
        self.follow_up = (anchor, dates[dates.index(billing_on) + 1], currency)
