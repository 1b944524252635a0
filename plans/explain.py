"""PURE: from what a line has stored, its amount again – and the sum written out, as people would do it on paper.

Nothing but the line's own explain data is read, so a line can be derived years later, whatever became of the price
list. Its keys are documented where they are written: plans/fees.py and plans/rating.py.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Context, Decimal
from fractions import Fraction
from math import ceil
from typing import Any

from core import formats
from core.language import gettext as _
from core.language import ngettext, pgettext
from core.money import exponent, quantize, round_half_away
from core.periods import Period
from invoices.hand_charges import BY_HAND
from invoices.sold_lines import SOLD, price_of
from plans.capping import limit, limit_steps
from plans.explain_notes import price_version as price_version
from plans.explain_notes import window_note
from plans.explanation import Explanation as Explanation
from plans.explanation import Step, TierRow

Data = Mapping[str, Any]

EXACT = Context(prec=60)
SHOWN_DECIMALS = 12  # a figure with more of them, or with no end, is written as ≈
NEAR = Decimal("0.000001")


def explain(data: Data) -> Explanation:
    """Derive a line from its explain data. Raises KeyError where something needed was not stored."""
    own = _by_model(data)
    amount = derived_amount(data)
    if data.get("given_back") or "part_given_back" in data:
        is_part = "part_given_back" in data
        back = Step(_("of which"), _("part of it is given back")) if is_part else Step("× −1", _("given back"))
        steps = (*own.steps, back, Step(f"= {formats.money(amount, data['currency'])}"))
        return replace(own, amount=amount, steps=steps)
    return own


def _by_model(data: Data) -> Explanation:
    if data["model"] in AS_AGREED:
        return AS_AGREED[data["model"]](data)
    own = _fee(data) if data["model"] == "flat" else _usage(data)
    steps = (*own.steps, *(Step(figure, note) for figure, note in limit_steps(data, own.amount)))
    return replace(own, amount=limit(data, own.amount), steps=steps)


def derived_amount(data: Data) -> int:
    """What a line comes to by its explain data, minor units: the amount of `explain` without the words.

    Raises KeyError where something needed was not stored.
    """
    if "part_given_back" in data:  # how much, is what staff said
        return -int(data["part_given_back"])
    if data["model"] == BY_HAND:
        amount = int(data["amount"])
    elif data["model"] == SOLD:
        amount = _sold_amount(data)
    else:
        amount = limit(data, _fee_amount(data) if data["model"] == "flat" else _usage_amount(data))
    return -amount if data.get("given_back") else amount


def _by_hand(data: Data) -> Explanation:
    """A charge of its own: nothing is derived, it is what was agreed."""
    amount, day = int(data["amount"]), formats.day(date.fromisoformat(data["added_on"]))
    credit, charge = (
        _("credit added by hand on %(day)s, on no price list"),
        _("charge added by hand on %(day)s, on no price list"),
    )
    note = (credit if amount < 0 else charge) % {"day": day}
    return Explanation(amount=amount, steps=(Step(f"  {formats.money(amount, data['currency'])}", note),))


def _sold(data: Data) -> Explanation:
    """Credit that is bought: so much of it, at what one unit costs."""
    amount, currency, day = _sold_amount(data), data["currency"], formats.day(date.fromisoformat(data["sold_on"]))
    credit = formats.money(data["credit"], currency)
    bought = Step(f"  {credit}", _("of credits, bought on %(day)s") % {"day": day})
    unit_cost = formats.quantity(Decimal(data["unit_cost"]))
    cost = Step(f"× {unit_cost}", _("what 1 %(currency)s of credits costs") % {"currency": currency})
    return Explanation(amount=amount, steps=(bought, cost, Step(f"= {formats.money(amount, currency)}")))


def _sold_amount(data: Data) -> int:
    return price_of(int(data["credit"]), Decimal(data["unit_cost"]), data["currency"])


AS_AGREED: Mapping[str, Callable[[Data], Explanation]] = {BY_HAND: _by_hand, SOLD: _sold}  # on no price list


# --- fees -------------------------------------------------------------------------------------------------------------
def _fee(data: Data) -> Explanation:
    """Fee × days, rounded cumulatively: the price of the days up to the end less that of the days before."""
    amount = _fee_amount(data)
    return Explanation(amount=amount, steps=tuple(_fee_steps(data, _days_before(data), amount)))


def _fee_amount(data: Data) -> int:
    fee, of_days, before = data["fee"], data["of_days"], _days_before(data)
    difference = _of_days(fee, before + data["days"], of_days) - _of_days(fee, before, of_days)
    return -max(0, min(difference, fee)) if data.get("unused") else difference


def _days_before(data: Data) -> int:
    """Days of the period before the part that is charged."""
    return (period(data["part"]).start - period(data["period"]).start).days


def _fee_steps(data: Data, before: int, amount: int) -> Iterator[Step]:
    currency, fee, of_days, days = data["currency"], data["fee"], data["of_days"], data["days"]
    money = formats.money(fee, currency)
    if data.get("timing") == "one_time":
        yield Step(f"  {money}", _("charged once"))
        return
    rate = _("%(amount)s a year") if data.get("cadence") == "yearly" else _("%(amount)s a month")
    yield Step(f"  {rate % {'amount': money}}", price_version(data))
    share = _("%(days)s of %(of_days)s days") % {"days": days, "of_days": of_days}
    yield Step(f"× {share}", _days_in_words(data))
    if before:
        yield from _cumulative_steps(data, before)
    if data.get("unused"):
        yield Step("× −1", _("charged before, not used, given back"))
    yield Step(f"= {formats.money(amount, currency)}", "" if days == of_days else _rounding(data))


def _cumulative_steps(data: Data, before: int) -> Iterator[Step]:
    """Days in the middle of a period: two figures, each rounded, so that all parts sum to the whole."""
    currency, fee, of_days = data["currency"], data["fee"], data["of_days"]
    until = before + data["days"]
    charged, earlier = _of_days(fee, until, of_days), _of_days(fee, before, of_days)
    rest, known = _("%(share)s, rounded"), _("%(share)s, rounded: the days before")
    money = formats.money(fee, currency)
    yield Step(f"= {formats.money(charged, currency)}", rest % {"share": f"{money} × {until} ÷ {of_days}"})
    yield Step(f"− {formats.money(earlier, currency)}", known % {"share": f"{money} × {before} ÷ {of_days}"})


def _of_days(fee: int, days: int, of_days: int) -> int:
    return round_half_away(Fraction(fee * days, of_days)) if of_days else 0


def _days_in_words(data: Data) -> str:
    part, whole = period(data["part"]), period(data["period"])
    if part == whole:
        return formats.period(part)
    return _("%(part)s of %(whole)s") % {"part": formats.period(part), "whole": formats.period(whole)}


def period(text: str) -> Period:
    start, end = text.split("/")
    return Period(date.fromisoformat(start), date.fromisoformat(end))


# --- usage ------------------------------------------------------------------------------------------------------------
def _usage(data: Data) -> Explanation:
    """Quantity → free units → price → discount → maximum, rounded once; then minimum, and what was billed before."""
    listed = _list_amount(data)
    exact = _capped(data, _discounted(data, listed))
    rounded = quantize(exact, data["currency"])
    steps = (
        *_quantity_steps(data),
        *_price_steps(data, listed),
        *_reduction_steps(data, listed),
        *_rounding_steps(data, exact, rounded),
        *_posted_steps(data, rounded),
    )
    return Explanation(
        amount=_posted(data, rounded), steps=steps, tiers=tuple(_tier_rows(data)), quantity=Decimal(data["quantity"])
    )


def _usage_amount(data: Data) -> int:
    return _posted(data, quantize(_capped(data, _discounted(data, _list_amount(data))), data["currency"]))


def _posted(data: Data, rounded: int) -> int:
    """What this line posts of a window whose usage costs `rounded`."""
    line = data.get("line", "usage")
    if line == "minimum":
        return _shortfall(data, rounded)
    lifted = 0 if line == "usage" else _shortfall(data, rounded)
    return rounded + lifted - int(data.get("billed_amount", 0))


def _posted_steps(data: Data, rounded: int) -> Iterator[Step]:
    line = data.get("line", "usage")
    if line == "minimum":
        yield from _minimum_steps(data, rounded)
        return
    shortfall = 0 if line == "usage" else _shortfall(data, rounded)
    if shortfall:
        yield from _minimum_steps(data, rounded, alone=False)
    yield from _billed_steps(data, rounded + shortfall, data.get("billed_amount", 0))


def _shortfall(data: Data, rounded: int) -> int:
    """What is missing to the minimum of the window."""
    return max(quantize(Fraction(data.get("minimum", 0)), data["currency"]) - rounded, 0)


def _billable(data: Data) -> Fraction:
    return max(Fraction(data["quantity"]) - Fraction(data["included"]), Fraction(0))


def _list_amount(data: Data) -> Fraction:
    """The price before discount and maximum, major units."""
    unit_amount, per_units = Fraction(data["unit_amount"]), int(data["per_units"])
    if data["model"] == "unit":
        return _billable(data) * unit_amount / per_units
    if data["model"] == "package":
        return unit_amount * _packages(data)
    return sum((_tier_amount(data, tier) for tier in data.get("tiers", ())), Fraction(0))


def _packages(data: Data) -> int:
    """Begun ones count."""
    return ceil(_billable(data) / int(data["per_units"]))


def _tier_amount(data: Data, tier: Data) -> Fraction:
    by_units = Fraction(tier["quantity"]) * Fraction(tier["unit_amount"]) / int(data["per_units"])
    return Fraction(tier["flat_amount"]) + by_units


def _discounted(data: Data, amount: Fraction) -> Fraction:
    return amount * (100 - Fraction(data.get("discount_percent") or 0)) / 100


def _capped(data: Data, amount: Fraction) -> Fraction:
    maximum = data.get("maximum")
    return amount if maximum is None else min(amount, Fraction(maximum))


def _quantity_steps(data: Data) -> Iterator[Step]:
    quantity, included = Decimal(data["quantity"]), Fraction(data["included"])
    used = _("%(quantity)s %(units)s used") % {"quantity": formats.quantity(quantity), "units": _units(data, quantity)}
    yield Step(f"  {used}", window_note(data))
    if included:
        of_plan = _("%(quantity)s included in %(plan)s") % {"quantity": number(included), "plan": data["plan_name"]}
        yield Step(f"− {of_plan}", _included_note(data))
        billable = _("%(quantity)s billable") % {"quantity": number(_billable(data))}
        yield Step(f"= {billable}", _("never less than 0") if quantity < included else "")


def _included_note(data: Data) -> str:
    share, units = Fraction(data["share"]), formats.quantity(Decimal(data["free_units"]))
    return "" if share == 1 else _("%(amount)s × %(share)s of the window's days") % {"amount": units, "share": share}


def _price_steps(data: Data, listed: Fraction) -> Iterator[Step]:
    amount = f"= {money(listed, data['currency'])}"
    if data["model"] == "free" or not (data.get("tiers") or Fraction(data["unit_amount"])):
        yield Step("× 0", _("not charged: %(price_list)s") % {"price_list": price_version(data)})
        yield Step(amount)
    elif data["model"] == "unit":
        yield Step(f"× {_unit_price(data, data['unit_amount'])}", price_version(data))
        yield Step(amount)
    elif data["model"] == "package":
        size, count = formats.quantity(data["per_units"]), _packages(data)
        packages = ngettext("%(count)s package", "%(count)s packages", count) % {"count": count}
        yield Step(f"= {packages}", _("of %(size)s, begun ones count") % {"size": size})
        yield Step(f"× {formats.price(Decimal(data['unit_amount']), data['currency'])}", price_version(data))
        yield Step(amount)
    else:
        yield from _tier_steps(data)
        yield Step(amount, price_version(data))


def _tier_steps(data: Data) -> Iterator[Step]:
    for place, tier in enumerate(data["tiers"]):
        sign = "+" if place else "="
        flat = Fraction(tier["flat_amount"])
        figure = f"{sign} {number(Fraction(tier['quantity']))} × {_unit_price(data, tier['unit_amount'])}"
        if flat:
            figure = _("%(figure)s + %(flat)s flat") % {"figure": figure, "flat": money(flat, data["currency"])}
        yield Step(figure, _tier_name(data, tier))


def _reduction_steps(data: Data, listed: Fraction) -> Iterator[Step]:
    currency, percent = data["currency"], Decimal(data.get("discount_percent") or 0)
    discounted = _discounted(data, listed)
    if percent and listed:
        discount = _("%(percent)s %% discount") % {"percent": formats.quantity(percent)}
        yield Step(f"− {discount}")
        yield Step(f"= {money(discounted, currency)}")
    if (capped := _capped(data, discounted)) != discounted:
        yield Step(f"= {money(capped, currency)}", _("the most a window costs"))


def _rounding_steps(data: Data, exact: Fraction, rounded: int) -> Iterator[Step]:
    currency = data["currency"]
    if exact * 10 ** exponent(currency) != rounded:
        note = _("rounded %(how)s") % {"how": _rounding(data)}
        yield Step(f"→ {formats.money(rounded, currency)}", note)


def _rounding(data: Data) -> str:
    kept = data["rounding"]
    return _(kept)


def _minimum_steps(data: Data, rounded: int, *, alone: bool = True) -> Iterator[Step]:
    currency, share = data["currency"], Fraction(data["share"])
    minimum = rounded + _shortfall(data, rounded)
    whole = formats.price(Decimal(data["minimum_amount"]), currency)
    cut = _("%(amount)s × %(share)s of the window's days, rounded") % {"amount": whole, "share": share}
    note = "" if share == 1 else cut
    if not alone:
        yield Step(f"= {formats.money(minimum, currency)}", note or _("the least a window costs"))
        return
    least = _("%(amount)s minimum of the window") % {"amount": formats.money(minimum, currency)}
    used = _("%(amount)s usage") % {"amount": formats.money(rounded, currency)}
    yield Step(f"  {least}", note)
    yield Step(f"− {used}")
    yield Step(f"= {formats.money(minimum - rounded, currency)}")


def _billed_steps(data: Data, total: int, billed: int) -> Iterator[Step]:
    currency = data["currency"]
    if billed:
        yield Step(f"{'+' if billed < 0 else '−'} {formats.money(abs(billed), currency)}", _("billed for it before"))
        yield Step(f"= {formats.money(total - billed, currency)}")


def _tier_rows(data: Data) -> Iterator[TierRow]:
    currency = data["currency"]
    for tier in data.get("tiers", ()):
        yield TierRow(
            name=_tier_name(data, tier),
            quantity=number(Fraction(tier["quantity"])),
            price=_unit_price(data, tier["unit_amount"]),
            flat=money(Fraction(tier["flat_amount"]), currency),
            amount=money(_tier_amount(data, tier), currency),
        )


def _tier_name(data: Data, tier: Data) -> str:
    """`above 1,000, up to 5,000`; a volume price takes all units at the price of the tier that the last one reaches."""
    start, up_to = Fraction(tier["start"]), tier["up_to"]
    if data["model"] == "volume":
        if up_to is None:
            return _("all units, above the last bound")
        return _("all units, up to %(bound)s") % {"bound": number(Fraction(up_to))}
    if up_to is None:
        return _("above %(start)s") % {"start": number(start)}
    if not start:
        return pgettext("tier", "up to %(bound)s") % {"bound": number(Fraction(up_to))}
    return _("above %(start)s, up to %(bound)s") % {"start": number(start), "bound": number(Fraction(up_to))}


def _units(data: Data, quantity: Decimal) -> str:
    return str(data["unit"] if quantity == 1 else data["unit_plural"])


def _unit_price(data: Data, unit_amount: str) -> str:
    return formats.unit_price_at_scale(
        Decimal(unit_amount), data["per_units"], data["currency"], data["unit"], data["unit_plural"]
    )


# --- figures ----------------------------------------------------------------------------------------------------------
def number(exact: Fraction) -> str:
    """A number with all its decimals, or with six and a sign where they have no end."""
    value, sign = _decimal(exact)
    return sign + formats.quantity(value)


def money(exact: Fraction, currency: str) -> str:
    """Major units that are not rounded yet: $2.345, or ≈ $2.345161 where the decimals have no end."""
    value, sign = _decimal(exact)
    return sign + formats.price(value, currency)


def _decimal(exact: Fraction) -> tuple[Decimal, str]:
    value = EXACT.divide(Decimal(exact.numerator), Decimal(exact.denominator))
    if value == value.quantize(Decimal(1).scaleb(-SHOWN_DECIMALS), context=EXACT):
        return value, ""
    return value.quantize(NEAR, context=EXACT), "≈ "
