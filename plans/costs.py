"""What a month of a plan costs, for people who are about to choose it: with nothing used, and as they use it."""

from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext

from accounts.countries import country_names
from accounts.vat_ids import EU, fault
from core.periods import calculation_instant, utc_day
from invoices.taxes import REVERSE_CHARGE
from invoices.taxing import TaxText, row_texts
from invoices.totals import NO_TAX, TaxRule, rules_from, total_up
from plans import cycle
from plans.models import ChangeQuote, Plan
from plans.selectors.estimating import Estimate, unused_month
from plans.spells import next_anchor
from plans.words import monthly_fee, other_prices


@dataclass(frozen=True, slots=True)
class Costs:
    """A month of a plan with tax, minor units: `fee` and `unused` (what usage charges when there is none) before tax;
    `minimum` without usage; `like`: with the usage of the last thirty days, None where that is not known. `is_placed`:
    whether the country is known that decides the tax."""

    currency: str
    fee: int
    unused: int
    taxes: tuple[TaxText, ...]
    minimum: int
    like: int | None
    is_placed: bool


@dataclass(frozen=True, slots=True)
class UpgradeSummary:
    """What subscribing today means: first dates, prices, and what a month costs."""

    first_billing_on: date
    first_calculation_on: date
    prices: tuple[tuple[str, str], ...]
    costs: Costs


def costs(plan: Plan, rule: TaxRule, estimate: Estimate | None, at: datetime, *, is_placed: bool) -> Costs:
    """`rule`: the tax of the customer; what credit alone pays is not taxed."""
    terms = plan.terms()
    rule = NO_TAX if terms.is_credit_only else rule
    fee, unused = monthly_fee(terms), unused_month(plan, at)
    minimum = total_up([line.amount for line in unused.lines], rule)
    return Costs(
        currency=terms.currency,
        fee=fee,
        unused=unused.amount - fee,
        taxes=row_texts(minimum.taxes, terms.currency),
        minimum=minimum.total,
        like=total_up([line.amount for line in estimate.lines], rule).total if estimate else None,
        is_placed=is_placed or terms.is_credit_only,
    )


def upgrade_summary(quote: ChangeQuote, at: datetime) -> UpgradeSummary:
    """The summary beside the form of «Subscribe»; what is like the last thirty days comes later, by itself."""
    terms = quote.plan.terms()
    billing_on = cycle.first_billing_date(next_anchor(quote.subscription, quote.plan, at), at)
    is_placed = bool(quote.customer.billing_profile.country)
    return UpgradeSummary(
        first_billing_on=billing_on,
        first_calculation_on=utc_day(calculation_instant(billing_on)),
        prices=other_prices(terms),
        costs=costs(quote.plan, rules_from(quote.tax_rules), None, at, is_placed=is_placed),
    )


def tax_id_hint(country: str, tax_id: str, rule: TaxRule) -> str:
    """What a tax id that somebody types does to the tax, in a sentence; empty where there is nothing to say."""
    if not tax_id:
        return ""
    if country not in EU:
        return gettext("It is printed on your invoices. It does not change the tax.")
    name = country_names().get(country, "")
    wrong = fault(tax_id, country, name)
    if wrong:
        return wrong
    if rule == REVERSE_CHARGE:
        text = gettext("Valid VAT number (%(country)s). Reverse charge: 0 %% VAT.")
    else:
        text = gettext("Valid VAT number (%(country)s). It does not change the tax.")
    return text % {"country": name}


def offered(plans: list[Plan], key: str) -> Plan | None:
    """The plan of that key, where «Upgrade» can lead to it."""
    return next((plan for plan in plans if plan.key == key and plan.self_serve and not plan.is_default), None)
