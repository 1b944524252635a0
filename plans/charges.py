"""PURE: the facts of one spell → what it charges. The one composition behind every figure of this room.

The monthly calculation, the closing invoice, the confirm pages and the upcoming invoice all gather facts
(`plans.selectors.gathering`) and compose them here, so what is shown is what is billed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from invoices.lines import LineDraft
from plans.fees import FeeFacts, fee_lines
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
    """

    subscription_id: int
    customer_id: int
    terms: PlanTerms
    fees: tuple[FeeFacts, ...] = ()
    usage: tuple[UsageFacts, ...] = ()
    rated: Mapping[tuple[int, datetime], tuple[Decimal, int]] = field(default_factory=dict)
    late: tuple[LateFacts, ...] = ()

    @cached_property
    def rated_usage(self) -> tuple[RatedWindow, ...]:
        """Every metered card over every usage window of the spell; the lines and the watermarks share it."""
        return rate_windows(self.terms, self.usage, self.rated)


def compose_charges(facts: SpellFacts) -> tuple[LineDraft, ...]:
    """The lines: fees, then usage by window, in the order of the price list, then late usage. Amounts in minor units.

    A fee of no days and a window without usage have no line; usage within the included units has one, of 0.
    """
    return (
        *fee_lines(facts.subscription_id, facts.terms, facts.fees),
        *usage_lines(facts.subscription_id, facts.terms, facts.rated_usage),
        *late_lines(facts.late),
    )
