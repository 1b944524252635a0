"""PURE: VAT ids of the EU, known by their form alone: prefix, length, check digits. Nobody else is asked."""

from functools import lru_cache

from stdnum.eu import vat

from core.language import gettext as _

EU = frozenset(country.upper() for country in vat.MEMBER_STATES) - {"XI"}  # Northern Ireland: goods only


@lru_cache(maxsize=10_000)
def is_vat_id(tax_id: str, country: str) -> bool:
    """Whether it is a well-formed VAT id (prefix, length, check digits) of this member state."""
    if country not in EU:
        return False
    number = vat.compact(tax_id) if vat.is_valid(tax_id) else ""
    return number[:2] == ("EL" if country == "GR" else country)


def fault(tax_id: str, country: str, name: str) -> str:
    """What is wrong with the tax id that somebody of this country types, in a sentence; else empty.

    `name`: the country's in the active language. Outside the EU any number may be one.
    """
    if not tax_id or country not in EU or is_vat_id(tax_id, country):
        return ""
    return _("This is not a valid VAT number of this country (%(country)s). Please check it.") % {"country": name}
