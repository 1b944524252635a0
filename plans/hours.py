"""PURE: usage of a credits-only plan, hour by hour (docs/algorithms/settlement.md). Amounts in minor units.

A window is rated as a whole, again and again: what it comes to until an hour's end less what is settled of it is that
hour's charge. So the hours sum to the price of the window, whatever tiers, packages or averages do in between.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from core.periods import Window
from invoices.lines import LineDraft
from plans.keys import instants
from plans.pricing import CardTerms, PlanTerms
from plans.rating import RatedWindow, UsageFacts, minimum_line, rate_windows, usage_key, usage_line

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything used in a window before an instant, as far as it is known now."""

    until: datetime
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a window is settled: the quantity, what it came to, and how often late usage was settled."""

    quantity: Decimal = Decimal(0)
    amount: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class WindowFacts:
    """One price over one window, and what of its usage waits.

    `late`: until the end of the hours that are settled, where usage came since; it is charged at `newest`, the newest
    closed hour. `hours`: by the end of each closed hour, ascending. `final`: until the window's end, where it closes
    now. `is_closed`: it closed before, and only what came late is left. `seen`: everything, for the running charge.
    """

    subscription_id: int
    terms: PlanTerms
    card: CardTerms
    cut: Window
    planned: Window
    standing: Standing
    newest: datetime
    late: Reading | None = None
    hours: tuple[Reading, ...] = ()
    final: Reading | None = None
    seen: Decimal | None = None
    is_closed: bool = False

    @property
    def group(self) -> str:
        """What all charges of the window are booked under, and corrections name."""
        return usage_key(self.subscription_id, self.card.key, self.planned)

    def rated(self, quantity: Decimal, standing: Standing, *, closed: bool) -> RatedWindow:
        """The window as it would cost with that quantity, beside what is settled of it."""
        cut = self.cut if closed else self.planned
        usage = UsageFacts(cut, self.planned, {self.card.feature_id or 0: quantity}, closed=closed)
        known = {(self.card.id, cut.start): (standing.quantity, standing.amount)}
        [rated] = rate_windows(replace(self.terms, cards=(self.card,)), [usage], known)
        return rated


@dataclass(frozen=True, slots=True)
class SettledWindow:
    """The charges that settle what waited, in the order of time, and where the window stands then."""

    facts: WindowFacts
    lines: tuple[LineDraft, ...]
    standing: Standing

    @property
    def has_moved(self) -> bool:
        return self.standing != self.facts.standing

    @property
    def running(self) -> int:
        """What is used and not settled yet, minor units; 0 where nothing is known of it, or less is owed."""
        if self.facts.seen is None:
            return 0
        return max(self.facts.rated(self.facts.seen, self.standing, closed=False).difference, 0)


def settle_window(facts: WindowFacts) -> SettledWindow:
    """Settle late usage, then hour by hour, then – where the window closes – the rest and its minimum."""
    standing = facts.standing
    lines: list[LineDraft] = []
    for reading in (facts.late, *facts.hours, facts.final):
        if reading is None:
            continue
        closed = facts.is_closed or reading is facts.final
        rated = facts.rated(reading.quantity, standing, closed=closed)
        number = standing.number + (reading is facts.late and rated.total_difference != 0)
        lines += _lines(facts, reading, rated, number)
        standing = Standing(rated.priced.quantity, rated.total, number)
    return SettledWindow(facts, tuple(_in_one(facts, lines)), standing)


def _in_one(facts: WindowFacts, lines: list[LineDraft]) -> list[LineDraft]:
    """Where a closing window would charge and give back at once, the usage is one line: what is right in the end."""
    if facts.final is None or all(line.amount > 0 for line in lines):
        return lines
    minimum = [line for line in lines if line.explain["line"] == "minimum"]
    rated = facts.rated(facts.final.quantity, facts.standing, closed=True)
    return [*([_hour_line(facts, facts.final, rated)] if rated.difference else []), *minimum]


def _lines(facts: WindowFacts, reading: Reading, rated: RatedWindow, number: int) -> Iterator[LineDraft]:
    if reading is facts.late:
        if rated.total_difference:
            yield _late_line(facts, rated, number)
        return
    if rated.difference:
        yield _hour_line(facts, reading, rated)
    if rated.shortfall:
        line = minimum_line(facts.subscription_id, facts.terms, rated)
        yield replace(line, key=f"{facts.group}:minimum", corrects=facts.group)


def _hour_line(facts: WindowFacts, reading: Reading, rated: RatedWindow) -> LineDraft:
    """What one hour adds; below zero where more usage costs less in all."""
    end = reading.until
    suffix = "end" if reading is facts.final else instants(Window(end, end)).partition("/")[0]
    line = usage_line(facts.subscription_id, facts.terms, rated)
    return replace(
        line,
        key=f"{facts.group}:{suffix}",
        corrects=facts.group,
        starts_at=max(_floor(end - timedelta(microseconds=1)), facts.planned.start),
        ends_at=end,
    )


def _late_line(facts: WindowFacts, rated: RatedWindow, number: int) -> LineDraft:
    line = usage_line(facts.subscription_id, facts.terms, rated)
    return replace(
        line,
        key=f"{facts.group}:late:{number}",
        title=f"{line.title} (late usage)",
        amount=rated.total_difference,
        corrects=facts.group,
        starts_at=min(facts.planned.start, facts.newest),
        ends_at=facts.newest,
        explain={**line.explain, "line": "late"},
    )


def _floor(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
