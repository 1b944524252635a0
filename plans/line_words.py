"""PURE: title and detail of a line for those who do not read English, written again from its explain data.

What is kept is English. A line that says too little, or that people named, is read as it is kept.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from core import formats
from core.language import ENGLISH, gettext_noop, language
from core.language import gettext as _
from credits.words import grant_name
from invoices.hand_charges import BY_HAND
from invoices.lines import LineDraft
from invoices.sold_lines import SOLD
from plans.capping import capped_in_words
from plans.explain import derived_amount, period
from plans.fees import FeeFacts, fee_in_words
from plans.pricing import CardTerms, PricedTier, PricedUsage
from plans.words import minimum_in_words, usage_in_words

Data = Mapping[str, Any]

# How a title ends; what comes before is the name that people gave the price.
ENDINGS = (
    (" (late usage)", gettext_noop("%(name)s (late usage)")),
    (" (minimum)", gettext_noop("%(name)s (minimum)")),
    (" (unused)", gettext_noop("%(name)s (unused)")),
    (" (given back)", gettext_noop("%(name)s (given back)")),
    (" (partly given back)", gettext_noop("%(name)s (partly given back)")),
    (" (taken back)", gettext_noop("%(name)s (taken back)")),
    (" (discarded)", gettext_noop("%(name)s (discarded)")),
    (" (voided)", gettext_noop("%(name)s (voided)")),
)


def worded(line: LineDraft) -> LineDraft:
    """The line as people read it."""
    if language() == ENGLISH:
        return line
    return replace(line, title=title(line.title), detail=detail(line.detail, line.explain))


def title(kept: str) -> str:
    """The title of a line, kept in English, in the active language."""
    if language() == ENGLISH:
        return kept
    for ending, english in ENDINGS:
        if kept.endswith(ending):
            return _(english) % {"name": title(kept.removesuffix(ending))}
    return grant_name(kept)


def detail(kept: str, data: Data) -> str:
    """How a line is calculated, kept in English, in the active language."""
    if language() == ENGLISH or not data:
        return kept
    try:
        return _detail(kept, data)
    except KeyError:  # of a time when less was kept
        return kept


def _detail(kept: str, data: Data) -> str:
    currency = data["currency"]
    if "part_given_back" in data:
        whole = derived_amount({name: value for name, value in data.items() if name != "part_given_back"})
        part = formats.money(data["part_given_back"], currency)
        return _("%(part)s of %(whole)s") % {"part": part, "whole": formats.money(whole, currency)}
    if data["model"] == SOLD:
        credit = formats.money(data["credit"], currency)
        return _("%(amount)s of credits, available once this invoice is paid") % {"amount": credit}
    if data["model"] == BY_HAND:  # people agreed it; nothing of it is calculated
        return kept
    words = _fee(data) if data["model"] == "flat" else _usage(data)
    return capped_in_words(words, formats.money(data["left"], currency)) if "left" in data else words


def _fee(data: Data) -> str:
    fee = FeeFacts(
        part=period(data["part"]),
        whole=period(data["period"]),
        timing=data["timing"],
        cadence=data["cadence"],
        unused=data["unused"],
    )
    return fee_in_words(data["fee"], fee, data["currency"])


def _usage(data: Data) -> str:
    if data["line"] == "minimum":
        return minimum_in_words(_card(data), Fraction(data["share"]), data["amount"], data["currency"])
    return usage_in_words(_card(data), _priced(data), data["billed_amount"], data["currency"])


def _card(data: Data) -> CardTerms:
    """The price, as far as it is put in words."""
    return CardTerms(
        id=data["rate_card_id"],
        key=data["rate_card"],
        name="",
        model=data["model"],
        unit_amount=Decimal(data["unit_amount"]),
        per_units=data["per_units"],
        unit=data["unit"],
        unit_plural=data["unit_plural"],
        discount_percent=Decimal(data.get("discount_percent", 0)),
        minimum=Decimal(data["minimum_amount"]) if "minimum_amount" in data else None,
    )


def _priced(data: Data) -> PricedUsage:
    return PricedUsage(
        quantity=Decimal(data["quantity"]),
        included=Fraction(data["included"]),
        billable=Fraction(data["billable"]),
        amount=Fraction(data["exact_amount"]),
        list_amount=Fraction(data["list_amount"]),
        packages=data.get("packages", 0),
        tiers=tuple(map(_tier, data.get("tiers", ()))),
        maximum=Fraction(data["maximum"]) if "maximum" in data else None,
    )


def _tier(data: Data) -> PricedTier:
    return PricedTier(
        number=data["number"],
        start=Fraction(data["start"]),
        up_to=None if data["up_to"] is None else Fraction(data["up_to"]),
        quantity=Fraction(data["quantity"]),
        unit_amount=Decimal(data["unit_amount"]),
        flat_amount=Fraction(data["flat_amount"]),
        amount=Fraction(data["amount"]),
    )
