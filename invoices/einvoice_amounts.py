"""PURE: a document's stored lines and tax rows → net lines, credit and VAT breakdown, as EN 16931 counts them.

Nothing is computed anew: every base and every tax is the stored one. The standard has one row per category and rate,
knows net prices only and one tax per line, so that rows of one rate are merged, prices that contain tax are taken
apart (to the cent of the stored base), and several taxes on the same amount become one rate.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from core.money import round_half_away
from invoices.einvoice_codes import VATEX
from invoices.taxes import normal
from invoices.totals import TaxCategory, TaxRow, TaxRule

REASONS = {
    TaxCategory.REVERSE_CHARGE: ("Reverse charge", "VATEX-EU-AE"),
    TaxCategory.EXPORT: ("Export outside the EU", "VATEX-EU-G"),
    TaxCategory.OUTSIDE_SCOPE: ("Not subject to VAT", "VATEX-EU-O"),
}


@dataclass(frozen=True, slots=True)
class Vat:
    """A row's category (UNTDID 5305), rate in percent, and why nothing is charged: text and VATEX code."""

    category: str
    percent: Decimal
    reason: str = ""
    reason_code: str = ""


@dataclass(frozen=True, slots=True)
class BilledLine:
    """A stored line in minor units: `credits` is what credit pays of it, `rule` the tax it has."""

    amount: int
    credits: int
    rule: TaxRule


@dataclass(frozen=True, slots=True)
class NetLine:
    """The line without tax; `inclusive` where its price contained it."""

    amount: int
    credits: int
    vat: Vat
    inclusive: bool


@dataclass(frozen=True, slots=True)
class VatRow:
    """One row of the breakdown, minor units."""

    vat: Vat
    base: int
    tax: int


@dataclass(frozen=True, slots=True)
class NetAmounts:
    """The lines in their order, and the breakdown: its bases sum to lines − credits, its taxes to the stored tax."""

    lines: tuple[NetLine, ...]
    rows: tuple[VatRow, ...]


@dataclass(slots=True)
class _Group:
    """The lines of one rule."""

    rule: TaxRule
    lines: list[BilledLine]
    base: int = 0
    tax: int = 0

    @property
    def gross(self) -> int:
        return sum(line.amount - line.credits for line in self.lines)

    @property
    def included(self) -> Fraction:
        """The percent that is in the prices."""
        return sum((Fraction(rule.percent) for rule in self.rule.each if rule.inclusive), Fraction(0))


def net_amounts(lines: Sequence[BilledLine], rows: Iterable[TaxRow], subtotal: int) -> NetAmounts:
    """`rows` are the stored ones and `subtotal` the stored net sum of the lines less credits, minor units."""
    groups: dict[TaxRule, _Group] = {}
    for line in lines:
        groups.setdefault(line.rule, _Group(line.rule, [])).lines.append(line)
    found = list(groups.values())
    alone = _share(found, list(rows))
    _settle_bases(found, alone, subtotal)
    categories = {vat_of(group.rule).category for group in found} | {vat_of(row.rule).category for row in alone}
    is_mixed = len(categories) > 1
    nets = {id(line): net for group in found for line, net in zip(group.lines, _net(group, is_mixed), strict=True)}
    breakdown = [VatRow(vat_of(group.rule, is_mixed), group.base, group.tax) for group in found]
    breakdown += [VatRow(vat_of(row.rule, is_mixed), row.base, row.tax) for row in alone]
    return NetAmounts(tuple(nets[id(line)] for line in lines), merged(breakdown))


def vat_of(rule: TaxRule, is_mixed: bool = False) -> Vat:
    """The category and rate of a rule with all its taxes.

    What is outside the scope may stand on no document with taxed lines (BR-O-11): there it is exempt, with its reason.
    """
    charged = sum((each.percent for each in rule.each), Decimal(0))
    if charged:
        return Vat(TaxCategory.STANDARD, charged)
    plain = normal(rule.alone)
    if plain.category in (TaxCategory.STANDARD, TaxCategory.ZERO_RATED):
        return Vat(TaxCategory.ZERO_RATED, Decimal(0))
    text, code = REASONS.get(TaxCategory(plain.category), ("", ""))
    stored = plain.reason_code if plain.reason_code in VATEX else ""
    vat = Vat(plain.category, Decimal(0), plain.reason or text, stored or code)
    outside = is_mixed and vat.category == TaxCategory.OUTSIDE_SCOPE
    return replace(vat, category=TaxCategory.EXEMPT, reason_code="") if outside else vat


def merged(rows: Iterable[VatRow]) -> tuple[VatRow, ...]:
    """One row per category and rate; different reasons of one category stand together."""
    found: dict[tuple[str, Decimal], VatRow] = {}
    for row in rows:
        key = (row.vat.category, row.vat.percent)
        before = found.get(key)
        found[key] = row if before is None else _added(before, row)
    return tuple(found.values())


def _added(first: VatRow, second: VatRow) -> VatRow:
    reasons = dict.fromkeys(reason for row in (first, second) for reason in row.vat.reason.split("; ") if reason)
    vat = replace(first.vat, reason="; ".join(reasons), reason_code=first.vat.reason_code or second.vat.reason_code)
    return VatRow(vat, first.base + second.base, first.tax + second.tax)


def _share(groups: list[_Group], rows: list[TaxRow]) -> list[TaxRow]:
    """Give every stored tax to the groups that have it; the rows that no line has come back."""
    alone = []
    for row in rows:
        having = [group for group in groups if row.rule in group.rule.each]
        left = row.tax
        for group in having[1:]:
            part = round_half_away(group.gross * Fraction(row.rule.percent) / (100 + group.included))
            group.tax += part
            left -= part
        if having:
            having[0].tax += left
        else:
            alone.append(row)
        if len(having) == 1:
            having[0].base = row.base
    shared = [group for group in groups if not any(_is_own(row, group, groups) for row in rows)]
    for group in shared:
        group.base = round_half_away(Fraction(group.gross * 100) / (100 + group.included))
    return alone


def _is_own(row: TaxRow, group: _Group, groups: list[_Group]) -> bool:
    return [each for each in groups if row.rule in each.rule.each] == [group]


def _settle_bases(groups: list[_Group], alone: list[TaxRow], subtotal: int) -> None:
    """What rounding left between the bases and the stored net sum goes to the largest."""
    missing = subtotal - sum(group.base for group in groups) - sum(row.base for row in alone)
    if missing and groups:
        max(groups, key=lambda group: abs(group.base)).base += missing


def _net(group: _Group, is_mixed: bool) -> list[NetLine]:
    """The group's lines without tax; they sum to its base."""
    share = Fraction(100) / (100 + group.included)
    amounts = [round_half_away(line.amount * share) for line in group.lines]
    credits = [round_half_away(line.credits * share) for line in group.lines]
    largest = max(range(len(amounts)), key=lambda index: abs(amounts[index]))
    amounts[largest] += group.base - sum(amounts) + sum(credits)
    vat = vat_of(group.rule, is_mixed)
    return [NetLine(amount, credit, vat, bool(group.included)) for amount, credit in zip(amounts, credits, strict=True)]
