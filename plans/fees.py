"""PURE: the flat fees of a spell and their lines (docs/algorithms/proration.md). Amounts in minor units."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core import formats
from core.language import gettext as _
from core.language import gettext_noop, in_english
from core.periods import Period, midnight
from invoices.giving_back import Standing
from invoices.lines import LineDraft
from plans.capping import NOTHING_ASKED, capped
from plans.keys import ROUNDING_OF_DAYS, days, explain_card
from plans.pricing import CadenceName, CardTerms, PlanTerms, Timing
from plans.proration import prorate, unused_share

WHOLE_PERIODS: dict[CadenceName, str] = {
    "monthly": gettext_noop("%(price)s × 1 month"),
    "yearly": gettext_noop("%(price)s × 1 year"),
}


@dataclass(frozen=True, slots=True)
class FeeFacts:
    """Days to charge of one billing period: `part` lies in `whole`. They concern the fees of this timing and cadence.

    `unused`: the days were charged before – as part of the days `charged` – and are given back, by a line below zero.
    """

    part: Period
    whole: Period
    timing: Timing = "in_arrears"
    cadence: CadenceName = "monthly"
    unused: bool = False
    charged: Period | None = None

    def concerns(self, card: CardTerms) -> bool:
        """Whether the fee is charged at this occasion; one that costs nothing is not given back."""
        if self.unused and not card.amount:
            return False
        return card.timing == self.timing and (card.cadence == self.cadence or self.timing == "one_time")


def fee_lines(
    subscription_id: int, terms: PlanTerms, fees: Iterable[FeeFacts], standing: Mapping[str, Standing] = NOTHING_ASKED
) -> Iterator[LineDraft]:
    """One line per part of a period and fee that it concerns; a part of no days has none.

    What is given back is no more than what is `standing` of the line that charged it; where nothing is, there is no
    line.
    """
    for fee in fees:
        if fee.part.days:
            lines = (_fee_line(subscription_id, terms, card, fee) for card in terms.fees if fee.concerns(card))
            yield from capped(lines, standing)


def unused_keys(subscription_id: int, terms: PlanTerms, fees: Iterable[FeeFacts]) -> set[str]:
    """The lines that charged what these give back."""
    return {line.corrects for line in fee_lines(subscription_id, terms, (fee for fee in fees if fee.unused))}


def fee_amount(amount: int, fee: FeeFacts) -> int:
    """What the days cost, in minor units; below zero where they are given back."""
    return -unused_share(amount, fee.part, fee.whole) if fee.unused else prorate(amount, fee.part, fee.whole)


@in_english
def _fee_line(subscription_id: int, terms: PlanTerms, card: CardTerms, fee: FeeFacts) -> LineDraft:
    return LineDraft(
        key=_unused_key(subscription_id, card, fee.part) if fee.unused else _fee_key(subscription_id, card, fee.part),
        kind="fee",
        title=f"{card.name} (unused)" if fee.unused else card.name,
        detail=fee_in_words(card.amount, fee, terms.currency),
        starts_at=midnight(fee.part.start),
        ends_at=midnight(fee.part.end),
        quantity=Decimal(1),
        amount=fee_amount(card.amount, fee),
        explain=_explain_fee(terms, card, fee),
        corrects=_fee_key(subscription_id, card, fee.charged) if fee.charged else "",
        settlement=terms.settlement,
    )


def _fee_key(subscription_id: int, card: CardTerms, part: Period) -> str:
    return f"subscription:{subscription_id}:fee:{card.key}:{days(part)}"


def _unused_key(subscription_id: int, card: CardTerms, part: Period) -> str:
    return f"subscription:{subscription_id}:unused:{card.key}:{days(part)}"


def fee_in_words(amount: int, fee: FeeFacts, currency: str) -> str:
    """`$49.00 × 1 month` · `$49.00 × 11 of 30 days` · `−$49.00 × 19 of 30 days, not used` · `$49.00, once`.

    `amount`: the fee of a whole period, minor units.
    """
    price = formats.money(amount, currency)
    if fee.timing == "one_time":
        return _("%(price)s, once") % {"price": price}
    if fee.part == fee.whole:
        words = _(WHOLE_PERIODS[fee.cadence]) % {"price": price}
    else:
        days = {"price": price, "days": fee.part.days, "of_days": fee.whole.days}
        words = _("%(price)s × %(days)s of %(of_days)s days") % days
    return _("−%(sum)s, not used") % {"sum": words} if fee.unused else words


def _explain_fee(terms: PlanTerms, card: CardTerms, fee: FeeFacts) -> dict[str, Any]:
    """`fee` (minor units) × `days` of `of_days`; `part` lies in `period`. Below zero where `unused`."""
    return {
        **explain_card(terms, card),
        "fee": card.amount,
        "part": days(fee.part),
        "period": days(fee.whole),
        "days": fee.part.days,
        "of_days": fee.whole.days,
        "timing": fee.timing,
        "cadence": fee.cadence,
        "unused": fee.unused,
        "rounding": ROUNDING_OF_DAYS,
    }
