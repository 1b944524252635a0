"""PURE: the facts of one spell → what it charges. The one composition behind every figure of this room.

The monthly calculation, the closing invoice, the confirm pages and the upcoming invoice all gather facts
(`plans.selectors.gathering`) and compose them here, so what is shown is what is billed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from invoices.giving_back import Standing
from invoices.lines import LineDraft
from plans.fees import FeeFacts, fee_lines, unused_keys
from plans.late import LateFacts, late_lines
from plans.pricing import PlanTerms
from plans.rating import RatedWindow, UsageFacts, rate_windows, units, usage_key, usage_lines

__all__ = [
    "FeeFacts",
    "RatedWindow",
    "SpellFacts",
    "UsageFacts",
    "compose_charges",
    "units",
    "usage_key",
]


@dataclass(frozen=True)
class SpellFacts:
    """Everything that decides what one subscription owes now.

    `rated` says what of a window has been billed before, by (rate card id, start): its quantity and amount.
    `late`: windows billed before, also of the customer's earlier subscriptions, in which more is used by now, or less.
    `standing`: what stands of the lines that it gives back, by key, whatever staff did; no more is given back.
    """

    subscription_id: int
    customer_id: int
    terms: PlanTerms
    fees: tuple[FeeFacts, ...] = ()
    usage: tuple[UsageFacts, ...] = ()
    rated: Mapping[tuple[int, datetime], tuple[Decimal, int]] = field(default_factory=dict)
    late: tuple[LateFacts, ...] = ()
    standing: Mapping[str, Standing] = field(default_factory=dict)

    @cached_property
    def rated_usage(self) -> tuple[RatedWindow, ...]:
        """Every metered card over every usage window of the spell; the lines and the watermarks share it."""
        return rate_windows(self.terms, self.usage, self.rated)

    @property
    def gives_back(self) -> set[str]:
        """The billed lines that it may give back, by key; mostly none. Credits-only fees stand on no document."""
        fees = set() if self.terms.is_credit_only else unused_keys(self.subscription_id, self.terms, self.fees)
        moved = (facts for facts in self.late if facts.rated.total_difference < 0)
        return fees.union(*(facts.billed_keys for facts in moved))


def compose_charges(facts: SpellFacts) -> tuple[LineDraft, ...]:
    """The lines: fees, then usage by window, in the order of the price list, then late usage. Amounts in minor units.

    A fee of no days and a window without usage have no line; usage within the included units has one, of 0.
    """
    return (
        *fee_lines(facts.subscription_id, facts.terms, facts.fees, facts.standing),
        *usage_lines(facts.subscription_id, facts.terms, facts.rated_usage),
        *late_lines(facts.late, facts.standing),
    )
