"""PURE: the flat fees of a spell and their lines (docs/algorithms/proration.md). Amounts in minor units."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core import formats
from core.periods import Period, midnight
from invoices.lines import LineDraft
from plans.keys import ROUNDING, days, explain_card
from plans.pricing import CardTerms, PlanTerms
from plans.proration import prorate


@dataclass(frozen=True, slots=True)
class FeeFacts:
    """Days to charge of one billing period: `part` lies in `whole`."""

    part: Period
    whole: Period


def fee_lines(subscription_id: int, terms: PlanTerms, fees: Iterable[FeeFacts]) -> Iterator[LineDraft]:
    """One line per fee of the price list and part of a period; a part of no days has none."""
    for fee in fees:
        if fee.part.days:
            yield from (_fee_line(subscription_id, terms, card, fee) for card in terms.fees)


def _fee_line(subscription_id: int, terms: PlanTerms, card: CardTerms, fee: FeeFacts) -> LineDraft:
    return LineDraft(
        key=f"subscription:{subscription_id}:fee:{card.key}:{days(fee.part)}",
        kind="fee",
        title=card.name,
        detail=_fee_in_words(card, fee, terms.currency),
        starts_at=midnight(fee.part.start),
        ends_at=midnight(fee.part.end),
        quantity=Decimal(1),
        amount=prorate(card.amount, fee.part, fee.whole),
        explain=_explain_fee(terms, card, fee),
    )


def _fee_in_words(card: CardTerms, fee: FeeFacts, currency: str) -> str:
    price = formats.money(card.amount, currency)
    if fee.part == fee.whole:
        return f"{price} × 1 month"
    return f"{price} × {fee.part.days} of {fee.whole.days} days"


def _explain_fee(terms: PlanTerms, card: CardTerms, fee: FeeFacts) -> dict[str, Any]:
    return {
        **explain_card(terms, card),
        "fee": card.amount,
        "part": days(fee.part),
        "period": days(fee.whole),
        "days": fee.part.days,
        "of_days": fee.whole.days,
        "rounding": ROUNDING + ", cumulative over the days of the period",
    }
