"""PURE: what a rate card must keep to before its plan is published: the card, the field or tier, and the rule."""

from collections.abc import Iterator
from decimal import Decimal

from core import formats
from core.language import gettext
from plans.pricing import TIERED, CardTerms, Tier


def broken_rules(card: CardTerms) -> Iterator[str]:
    """One sentence per broken rule; none where the price can be published."""
    for sentence in (*_field_rules(card), *_limit_rules(card), *_tier_rules(card)):
        yield f"{card.name}, {sentence}"


def _field_rules(card: CardTerms) -> Iterator[str]:
    if card.per_units < 1:
        yield gettext("per units: at least 1.")
    if min(Decimal(card.amount), card.unit_amount, card.free_units) < 0:
        yield gettext("price and free units: never below 0.")
    if card.model != "flat" and card.cadence == "yearly":
        yield gettext("cadence: usage and its tiers are monthly; only a flat fee may be yearly.")
    if card.model != "flat" and card.timing != "in_arrears":
        yield gettext("timing: usage is billed in arrears.")


def _limit_rules(card: CardTerms) -> Iterator[str]:
    if not 0 <= card.discount_percent <= 100:
        yield gettext("discount: between 0 and 100 percent.")
    has_limits = bool(card.discount_percent) or card.minimum is not None or card.maximum is not None
    if card.model == "flat" and has_limits:
        yield gettext("discount, minimum and maximum: for usage only.")
    if any(limit is not None and limit < 0 for limit in (card.minimum, card.maximum)):
        yield gettext("minimum and maximum: never below 0.")
    if card.minimum is not None and card.maximum is not None and card.minimum > card.maximum:
        yield gettext("minimum: not above the maximum.")


def _tier_rules(card: CardTerms) -> Iterator[str]:
    if card.model not in TIERED:
        if card.tiers:
            yield gettext("tiers: only a graduated or volume price has them.")
        return
    if not card.tiers:
        yield gettext("tiers: a %(model)s price needs at least one.") % {"model": card.model}
        return
    below: Decimal | None = Decimal(0)
    for number, tier in enumerate(card.tiers, 1):
        yield from (
            gettext("tier %(number)s: %(sentence)s") % {"number": number, "sentence": sentence}
            for sentence in _bound_rules(tier, below)
        )
        below = tier.up_to
    if below is not None:
        yield gettext("tier %(count)s: the last tier must be open, without an upper bound.") % {
            "count": len(card.tiers)
        }


def _bound_rules(tier: Tier, below: Decimal | None) -> Iterator[str]:
    """`below`: where the tier before ends; None where it is open."""
    if below is None:
        yield gettext("nothing may follow an open tier; only the last one has no upper bound.")
    elif tier.up_to is not None and tier.up_to <= below:
        yield gettext("its upper bound %(bound)s must be above %(below)s.") % {
            "bound": formats.quantity(tier.up_to),
            "below": formats.quantity(below),
        }
    if min(tier.unit_amount, tier.flat_amount) < 0:
        yield gettext("prices are never below 0.")
