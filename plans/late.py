"""PURE: usage that came after its window was billed (docs/algorithms/late-usage.md). Amounts in minor units.

A window that was touched since is rated again as a whole, by the terms and the share it had, and the difference to
what was billed for it is posted: `amount(total) − amount(already rated)`. It may be negative, after corrections.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from core.periods import Window
from invoices.lines import LineDraft
from plans.keys import instants
from plans.pricing import CardTerms, PlanTerms
from plans.rating import RatedWindow, UsageFacts, rate_windows, usage_line


@dataclass(frozen=True, slots=True)
class LateFacts:
    """One price over one window that was billed before, with everything used in it as it is known now.

    `number`: how often something was posted for the window before, its own line not counted, plus one.
    """

    subscription_id: int
    terms: PlanTerms
    card: CardTerms
    usage: UsageFacts
    number: int
    billed_quantity: Decimal
    billed_amount: int

    @property
    def rated(self) -> RatedWindow:
        """The window as it would cost now, beside what was billed of it."""
        known = {(self.card.id, self.usage.cut.start): (self.billed_quantity, self.billed_amount)}
        [rated] = rate_windows(replace(self.terms, cards=(self.card,)), [self.usage], known)
        return rated

    @property
    def has_moved(self) -> bool:
        """Whether more, or less, was used than was billed; the price may be the same all the same."""
        return self.rated.priced.quantity != self.billed_quantity


def late_key(subscription_id: int, card_key: str, window: Window, number: int) -> str:
    """The key of the nth late line of a window, and its Explain address."""
    start = instants(window).partition("/")[0]
    return f"subscription:{subscription_id}:late:{card_key}:{start}:{number}"


def late_lines(late: Iterable[LateFacts]) -> Iterator[LineDraft]:
    """One line per window whose price has moved."""
    for facts in late:
        rated = facts.rated
        if rated.total_difference:
            line = usage_line(facts.subscription_id, facts.terms, rated)
            yield replace(
                line,
                key=late_key(facts.subscription_id, facts.card.key, facts.usage.cut, facts.number),
                title=f"{line.title} (late usage)",
                amount=rated.total_difference,
                corrects=line.key if rated.total_difference < 0 else "",
                explain={**line.explain, "line": "late"},
            )
