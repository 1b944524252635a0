"""PURE: lines → subtotal, tax rows, total. The same function for previews, drafts and documents.

Tax is computed once per rate, on the sum of that rate's lines, rounded half away from zero. An exclusive rate is
added to its lines; an inclusive one is in them already: its tax is gross − net, so that both sum to the cent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from core.money import allocate, round_half_away


class TaxCategory(StrEnum):
    """Why a rate is what it is, by the codes that electronic invoices use (UNTDID 5305)."""

    STANDARD = "S"
    ZERO_RATED = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    EXPORT = "G"
    OUTSIDE_SCOPE = "O"


@dataclass(frozen=True, slots=True)
class TaxRule:
    """One rate as printed. `more` are further taxes on the same amount, each rounded by itself.

    `reason` and `reason_code` (VATEX) say why nothing is charged; an `inclusive` rate is in the prices already.
    """

    label: str
    percent: Decimal
    category: str = TaxCategory.STANDARD
    reason: str = ""
    reason_code: str = ""
    inclusive: bool = False
    more: tuple["TaxRule", ...] = ()

    @property
    def each(self) -> tuple["TaxRule", ...]:
        """Every tax of its own, the first one first."""
        return (self.alone, *self.more)

    @property
    def alone(self) -> "TaxRule":
        """The same rate without the others."""
        return TaxRule(self.label, self.percent, self.category, self.reason, self.reason_code, self.inclusive)


NO_TAX = TaxRule(label="", percent=Decimal(0), category=TaxCategory.OUTSIDE_SCOPE)


@dataclass(frozen=True, slots=True)
class TaxedAmount:
    """An amount in minor units with a rule of its own: a correction is taxed as what it corrects was."""

    amount: int
    rule: TaxRule


@dataclass(frozen=True, slots=True)
class TaxRow:
    """One rate of a document. `base` is net and `tax` what the rate makes of it, minor units."""

    rule: TaxRule
    base: int
    tax: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Minor units. `subtotal` is net, `included` the tax that stands in the lines already.

    The lines sum to `subtotal + included`; `total == subtotal + tax`; `tax` is the sum of the rows.
    """

    subtotal: int
    tax: int
    total: int
    taxes: tuple[TaxRow, ...] = ()
    included: int = 0


def total_up(lines: Iterable[int | TaxedAmount], rule: TaxRule) -> Totals:
    """Totals of amounts in minor units; those without a rule of their own are taxed by `rule`."""
    sums = _by_rule(lines, rule)
    bases: dict[TaxRule, int] = {}
    contained: dict[TaxRule, int] = {}
    for group, gross in sums.items():
        parts = _included(gross, group)
        net = gross - sum(parts.values())
        for tax in group.each:
            bases[tax] = bases.get(tax, 0) + net
            contained[tax] = contained.get(tax, 0) + parts.get(tax, 0)
    rows = tuple(
        TaxRow(tax, base, contained[tax] if tax.inclusive else _added(base, tax)) for tax, base in bases.items()
    )
    included = sum(contained.values())
    subtotal = sum(sums.values()) - included
    tax_sum = sum(row.tax for row in rows)
    return Totals(subtotal, tax_sum, subtotal + tax_sum, rows, included)


def _by_rule(lines: Iterable[int | TaxedAmount], rule: TaxRule) -> dict[TaxRule, int]:
    """Amounts summed by rule; the document's own comes first where a line has no other."""
    plain: list[int] = []
    others: dict[TaxRule, int] = {}
    for line in lines:
        if isinstance(line, int):
            plain.append(line)
        else:
            others[line.rule] = others.get(line.rule, 0) + line.amount
    return {rule: sum(plain) + others.pop(rule, 0), **others} if plain else others


def _added(base: int, rule: TaxRule) -> int:
    return round_half_away(base * Fraction(rule.percent) / 100)


def _included(gross: int, group: TaxRule) -> dict[TaxRule, int]:
    """The part of `gross` that each inclusive rate of the group takes; nothing is lost between them."""
    inside = [rule for rule in group.each if rule.inclusive and rule.percent]
    if not inside:
        return {}
    percents = [Fraction(rule.percent) for rule in inside]
    net = round_half_away(Fraction(gross * 100) / (100 + sum(percents)))
    return dict(zip(inside, allocate(gross - net, percents), strict=True))


def rule_values(rule: TaxRule) -> dict[str, Any]:
    """The rule as JSON values."""
    return {
        "label": rule.label,
        "percent": f"{rule.percent.normalize():f}",
        "category": str(rule.category),
        "reason": rule.reason,
        "reason_code": rule.reason_code,
        "inclusive": rule.inclusive,
    }


def rule_from(values: Mapping[str, Any]) -> TaxRule:
    """The rule that `rule_values` (or a tax row's values) came from."""
    return TaxRule(
        label=values["label"],
        percent=Decimal(values["percent"]),
        category=values["category"],
        reason=values["reason"],
        reason_code=values["reason_code"],
        inclusive=values["inclusive"],
    )


def rules_values(rule: TaxRule) -> list[dict[str, Any]]:
    """A rule with its further taxes as JSON values, the first one first."""
    return [rule_values(each) for each in rule.each]


def rules_from(values: Iterable[Mapping[str, Any]]) -> TaxRule:
    """The rule that `rules_values` came from; no values are no tax."""
    rules = [rule_from(value) for value in values]
    if not rules:
        return NO_TAX
    first, *more = rules
    return TaxRule(
        first.label, first.percent, first.category, first.reason, first.reason_code, first.inclusive, tuple(more)
    )


def row_values(row: TaxRow) -> dict[str, Any]:
    """A tax row as JSON values, as it is kept on a document."""
    return rule_values(row.rule) | {"base": row.base, "tax": row.tax}


def row_from(values: Mapping[str, Any]) -> TaxRow:
    """The tax row that `row_values` came from."""
    return TaxRow(rule=rule_from(values), base=values["base"], tax=values["tax"])
