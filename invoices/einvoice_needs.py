"""What a valid e-invoice needs and a document, or already its seller, has not; each in a sentence."""

from collections.abc import Collection, Iterable, Mapping

from accounts.countries import country_names
from core.language import gettext
from core.money import exponent
from invoices.einvoice_amounts import NetAmounts
from invoices.einvoice_codes import CURRENCIES
from invoices.models import Invoice, Seller
from invoices.parties import seller_party
from invoices.taxes import normal
from invoices.totals import TaxCategory

MOST_DECIMALS = 2  # EN 16931 has no more, whatever the currency (BR-DEC)
VAT_PREFIXES = {"GR": ("EL",), "GB": ("GB", "XI"), "XK": ()}


def needs(invoice: Invoice, amounts: NetAmounts) -> str:
    """What is missing first; empty where nothing is."""
    buyer, categories = invoice.customer_party, {row.vat.category for row in amounts.rows}
    if buyer.get("country") not in country_names():
        return gettext("The e-invoice needs the customer's country.")
    if TaxCategory.REVERSE_CHARGE in categories and not vat_id(buyer):
        return gettext("The e-invoice needs the customer's VAT ID.")
    if invoice.currency not in CURRENCIES:
        return gettext("The e-invoice needs a currency that is in use.")
    if any(amount % smallest(invoice.currency) for amount in _said(invoice, amounts)):
        return gettext("The e-invoice needs amounts of at most %(decimals)s decimals.") % {"decimals": MOST_DECIMALS}
    return _needs_of(invoice.seller_party, categories)


def needs_of_seller(seller: Seller) -> str:
    """What its documents would lack, by its own table of rates."""
    return _needs_of(seller_party(seller), {normal(rate.rule()).category for rate in seller.tax_rates.all()})


def _needs_of(party: Mapping[str, str], categories: Collection[str]) -> str:
    if party.get("country") not in country_names():
        return gettext("The e-invoice needs the seller's country.")
    if not party.get("tax_id") and any(category != TaxCategory.OUTSIDE_SCOPE for category in categories):
        return gettext("The e-invoice needs the seller's tax ID.")
    if TaxCategory.EXPORT in categories and not vat_id(party):
        return gettext("The e-invoice needs the seller's VAT ID.")
    return ""


def vat_id(party: Mapping[str, str]) -> str:
    """The tax id where it has the prefix of its country (BR-CO-09), without spaces and dots; else empty."""
    country = party.get("country", "")
    number = "".join(char for char in party.get("tax_id", "") if char.isalnum()).upper()
    return number if country and number.startswith(VAT_PREFIXES.get(country, (country,))) else ""


def smallest(currency: str) -> int:
    """What one step of the standard's last decimal is, minor units: 10 fils, 1 cent."""
    return int(10 ** max(0, exponent(currency) - MOST_DECIMALS))


def _said(invoice: Invoice, amounts: NetAmounts) -> Iterable[int]:
    """Every amount that the XML would say, minor units."""
    yield from (invoice.subtotal, invoice.tax, invoice.total)
    for row in amounts.rows:
        yield from (row.base, row.tax)
    for line in amounts.lines:
        yield from (line.amount, line.credits)
