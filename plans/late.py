"""PURE: usage that came after its window was billed (docs/algorithms/late-usage.md). Amounts in minor units.

A window that was touched since is rated again as a whole, by the terms and the share it had, and the difference to
what was billed for it is posted: `amount(total) − amount(already rated)`. It may be negative, after corrections: then
it is given back of the lines that billed the window, of each no more than what stands of it (`plans/capping.py`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from core.periods import Window
from invoices.giving_back import Standing
from invoices.lines import LineDraft
from plans.capping import NOTHING_ASKED, capped
from plans.keys import instants
from plans.pricing import CardTerms, PlanTerms
from plans.rating import RatedWindow, UsageFacts, minimum_key, rate_windows, usage_key, usage_line


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
    def billed_keys(self) -> tuple[str, ...]:
        """The lines that billed the window, in the order in which they are given back: usage, what came late, minimum.

        Not each of them has been there.
        """
        spell, card, window = self.subscription_id, self.card.key, self.usage.cut
        came_late = (late_key(spell, card, window, number) for number in range(1, self.number))
        return usage_key(spell, card, window), *came_late, minimum_key(spell, card, window)

    def posted(self, standing: Mapping[str, Standing]) -> int:
        """What of the window is billed once its lines are posted: the watermark, minor units."""
        return self.billed_amount + sum(line.amount for line in late_lines([self], standing))


def late_key(subscription_id: int, card_key: str, window: Window, number: int, part: int = 1) -> str:
    """The key of the nth late line of a window, and its Explain address; of more lines where it gives back several."""
    start = instants(window).partition("/")[0]
    key = f"subscription:{subscription_id}:late:{card_key}:{start}:{number}"
    return key if part == 1 else f"{key}:{part}"


def posted_lines(subscription_id: int, card_key: str, name: str, window: Window, number: int) -> dict[str, str]:
    """The lines that the nth posting of a window may stand on, by key, with the title that is kept: usage and its
    minimum, or late usage, given back of one line or several."""
    if number:
        parts = range(1, number + 2)  # as many lines as may have billed the window before
        late = (late_key(subscription_id, card_key, window, number, part) for part in parts)
        return dict.fromkeys(late, f"{name} (late usage)")
    return {
        usage_key(subscription_id, card_key, window): name,
        minimum_key(subscription_id, card_key, window): f"{name} (minimum)",
    }


def late_lines(late: Iterable[LateFacts], standing: Mapping[str, Standing] = NOTHING_ASKED) -> Iterator[LineDraft]:
    """One line per window whose price has moved; what is given back is one per line it is given back of."""
    for facts in late:
        difference = facts.rated.total_difference
        if difference > 0:
            yield _late_line(facts, difference)
        elif difference < 0:
            yield from _backs(facts, difference, standing)


def _backs(facts: LateFacts, difference: int, standing: Mapping[str, Standing]) -> Iterator[LineDraft]:
    """Until the difference is given back, or nothing is left of the window's lines."""
    posted, part = 0, 1
    for key in facts.billed_keys:
        if posted == difference:
            return
        line = _late_line(facts, difference - posted, part)
        explain = {**line.explain, "earlier": posted} if posted else line.explain
        for back in capped([replace(line, corrects=key, explain=explain)], standing):
            yield back
            posted, part = posted + back.amount, part + 1


def _late_line(facts: LateFacts, amount: int, part: int = 1) -> LineDraft:
    line = usage_line(facts.subscription_id, facts.terms, facts.rated)
    return replace(
        line,
        key=late_key(facts.subscription_id, facts.card.key, facts.usage.cut, facts.number, part),
        title=f"{line.title} (late usage)",
        amount=amount,
        explain={**line.explain, "line": "late"},
    )
