"""PURE: which tax a customer pays, by where seller and customer are and by the seller's own table.

Business customers only: a service for a business in another member state of the EU with a valid VAT id is taxed there
by the customer (reverse charge). Everything else is the seller's table: the customer's country, else everybody else's.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from accounts.vat_ids import EU
from invoices.totals import NO_TAX, TaxCategory, TaxRule

REVERSE_CHARGE = TaxRule(
    label="VAT",
    percent=Decimal(0),
    category=TaxCategory.REVERSE_CHARGE,
    reason="Reverse charge",
    reason_code="VATEX-EU-AE",
)
OUTSIDE_EU = TaxRule(
    label="",
    percent=Decimal(0),
    category=TaxCategory.OUTSIDE_SCOPE,
    reason="Outside the scope of EU VAT",
    reason_code="VATEX-EU-O",
)


def decide(*, seller_country: str, customer_country: str, tax_id_valid: bool, table: Mapping[str, TaxRule]) -> TaxRule:
    """The rule of one customer. `table` maps countries to rules, `""` to everybody else's.

    `tax_id_valid`: the customer gave a VAT id that is valid in its own country. A country that the seller itself
    has marked (exempt, zero-rated …) stays as marked.
    """
    own = table.get(customer_country) if customer_country else None
    marked = own is not None and normal(own).category != TaxCategory.STANDARD
    if tax_id_valid and not marked and is_intra_eu(seller_country, customer_country):
        return REVERSE_CHARGE
    rule = normal(own or table.get("", NO_TAX))
    nameless = rule.category == TaxCategory.OUTSIDE_SCOPE and not rule.reason
    exported = seller_country in EU and customer_country != "" and customer_country not in EU
    return OUTSIDE_EU if nameless and exported else rule


def is_intra_eu(seller_country: str, customer_country: str) -> bool:
    """Whether both are in the EU, and not in the same member state."""
    return seller_country in EU and customer_country in EU and seller_country != customer_country


def normal(rule: TaxRule) -> TaxRule:
    """A standard rate of 0 is none: zero-rated where the table names it, else not taxed at all."""
    if rule.category != TaxCategory.STANDARD or rule.percent:
        return rule
    category = TaxCategory.ZERO_RATED if rule.label else TaxCategory.OUTSIDE_SCOPE
    return replace(rule, category=category)
