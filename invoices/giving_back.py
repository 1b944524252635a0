"""PURE: what of an invoice staff give back – everything, chosen lines, or an amount split over its lines.

Amounts in minor units; the tax is `invoices/watermarks.py`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from core import formats
from core.language import in_english
from core.money import allocate
from invoices.lines import GoesTo, LineDraft
from invoices.totals import TaxedAmount, TaxRow, TaxRule, Totals
from invoices.watermarks import GivenBack, total_note

TITLE = 170  # of the 200 characters that a line's title has


@dataclass(frozen=True, slots=True)
class Wanted:
    """What staff give back: chosen `lines` (how much of each, by key), or an `amount` with its tax, or else everything.

    `goes_to`: open invoices, then the card, the rest kept (`order`); never to a card (`kept`); to the payment with
    `payment_id` before anything else (`payment`).
    """

    lines: Mapping[str, int] | None = None
    amount: int | None = None
    goes_to: GoesTo = "order"
    payment_id: int | None = None


EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class Left:
    """A line of an invoice, and what is left of it after everything that gave back some; signed like the line.

    `money` is the part of `left` that was not paid with credits: it goes back first. `times` is how often some of it
    was given back by a credit note of staff.
    """

    line: LineDraft
    rule: TaxRule
    left: int
    money: int
    times: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one billed line: what it `billed`, and what is `left` of it to be given back, never below zero.

    `notes`: the numbers of staff's credit notes that gave back some of it, in their order.
    """

    billed: int
    left: int
    notes: tuple[str, ...] = ()


class TooMuchError(ValueError):
    """More than is left, or nothing."""


class NotReachableError(ValueError):
    """No net and tax sum to the amount."""


@dataclass(frozen=True, slots=True)
class Split:
    """How much of each line is given back, by key, signed like the line; and after what (the watermark)."""

    parts: Mapping[str, int]
    before: GivenBack


def money_left(lines: Iterable[Left], before: GivenBack) -> int:
    """What can still be given back as money, tax included: above zero."""
    every = list(lines)
    return -_total(every, _all(every), replace(before, is_last=True)).total


def split_everything(lines: Iterable[Left], before: GivenBack) -> Split:
    """All that is left: money, then credits. Lines of 0 come along once, so that the note mirrors its invoice."""
    parts = {each.line.key: each.left for each in lines if each.left or not (each.line.amount or each.times)}
    return Split(parts, replace(before, is_last=True))


def split_lines(parts: Mapping[str, int], lines: Iterable[Left], before: GivenBack) -> Split:
    """Chosen lines, by key how much of each. Raises TooMuchError: more than is left, nothing, another's line."""
    left = {each.line.key: each.left for each in lines if each.left}
    chosen = {key: part for key, part in parts.items() if part}
    if not chosen or any(not 0 < part <= left.get(key, 0) for key, part in chosen.items()):
        raise TooMuchError(f"{chosen} asked, {left} left")
    return Split(chosen, replace(before, is_last=chosen == left))


def split_amount(asked: int, lines: Sequence[Left], before: GivenBack) -> Split:
    """Split an amount with its tax over the lines, in proportion to the money that is left of each.

    The credit note's total is exactly `asked`, above zero. Where no net amount has a tax that sums to it – 0.03 with
    20 % – the cent that is missing moves the tax. Raises TooMuchError above `money_left`, NotReachableError.
    """
    left = money_left(lines, before)
    if not 0 < asked <= left:
        raise TooMuchError(f"{asked} asked, {left} left")
    if asked == left:
        parts = {key: part for key, part in _all(lines).items() if part}
        return Split(parts, replace(before, is_last=True))
    charged = [each for each in lines if each.money > 0]
    most = _total(charged, _all(charged), before)
    net = asked * sum(each.money for each in charged) // max(-most.total, 1)
    tried: list[tuple[dict[str, int], Totals]] = []
    for parts in _near(net, charged):
        tried.append((parts, _total(charged, parts, before)))
        if tried[-1][1].total == -asked:
            break
    for parts, totals in sorted(tried, key=lambda each: abs(asked + each[1].total)):
        cents = _cents(asked + totals.total, totals, most)
        if cents is not None:
            return Split({key: part for key, part in parts.items() if part}, replace(before, cents=cents))
    raise NotReachableError(f"no net and tax sum to {asked}")


def _near(net: int, lines: Sequence[Left]) -> Iterator[dict[str, int]]:
    """The net amounts around one, the nearest first, split over the lines: roundings move the tax by a few cents.

    Something is left of the lines, because something is left of the tax.
    """
    weights = [each.money for each in lines]
    reach = 3 + 2 * sum(len(rule.each) for rule in {each.rule for each in lines})
    amounts = range(max(1, net - reach), min(sum(weights) - 1, net + reach) + 1)
    for amount in sorted(amounts, key=lambda each: abs(each - net)):
        yield dict(zip((each.line.key for each in lines), allocate(amount, weights), strict=True))


def _all(lines: Iterable[Left]) -> dict[str, int]:
    return {each.line.key: each.money for each in lines}


def _total(lines: Iterable[Left], parts: Mapping[str, int], before: GivenBack) -> Totals:
    return total_note(_money(lines, parts), before)


def _money(lines: Iterable[Left], parts: Mapping[str, int]) -> list[TaxedAmount]:
    return [TaxedAmount(-parts[each.line.key], each.rule) for each in lines if parts[each.line.key]]


def _cents(missing: int, totals: Totals, everything: Totals) -> tuple[TaxRow, ...] | None:
    """Tax rows that give `missing` more (below zero: less) back, none more than is left of its rate's tax; None where
    there is no room for it."""
    last = {row.rule: -row.tax for row in everything.taxes}
    rows = []
    for row in totals.taxes:
        if row.rule.percent and not row.rule.inclusive:
            now = -row.tax
            moved = min(missing, max(last.get(row.rule, 0) - now, 0)) if missing > 0 else max(missing, min(-now, 0))
            missing -= moved
            rows += [TaxRow(row.rule, 0, -moved)] if moved else []
    return None if missing else tuple(rows)


def is_by_staff(key: str, corrects: str) -> bool:
    """Whether the line with this key is of staff's credit note, and not a plan's own, that gives back that one."""
    return key.startswith(f"{corrects}:given-back")


@in_english
def back_line(each: Left, amount: int, currency: str) -> LineDraft:
    """The credit note's line that gives back `amount` of a line; a part says so, and has no quantity of its own."""
    line = each.line
    number = f":{each.times + 1}" if each.times else ""
    back = replace(line, key=f"{line.key}:given-back{number}", amount=-amount, corrects=line.key)
    if amount == line.amount:
        explain = {**line.explain, "given_back": True} if line.explain else {}
        return replace(back, title=f"{line.title[:TITLE]} (given back)", explain=explain)
    return replace(
        back,
        title=f"{line.title[:TITLE]} (partly given back)",
        detail=f"{formats.money(amount, currency)} of {formats.money(line.amount, currency)}",
        quantity=Decimal(1),
        unit_amount=None,
        per_units=1,
        explain={**line.explain, "part_given_back": amount} if line.explain else {},
    )
