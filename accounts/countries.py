"""Countries by ISO 3166-1 code, as Babel names them."""

from functools import cache
from unicodedata import combining, normalize

from babel import Locale

from core.language import gettext as _
from core.language import language

# Codes of Babel's list that are regions, unions or pseudo-locales, not places an address can be in.
NO_COUNTRIES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})

# Where an address is not whole without its state, province or region; elsewhere nobody is asked for one.
WITH_REGION = frozenset(
    {"AE", "AU", "BR", "CA", "CN", "CO", "ES", "HK", "ID", "IN", "IT", "JP", "KR", "MX", "MY", "RU", "TW", "US"}
)


def asks_region(country: str) -> bool:
    """Whether the form of an address asks for the region; while no country is chosen it does."""
    return not country or country in WITH_REGION


def country_names() -> dict[str, str]:
    """Name in the active language by two-letter code, in the order of the names."""
    return _names(language())


@cache
def _names(locale: str) -> dict[str, str]:
    territories = Locale.parse(locale).territories.items()
    names = {code: name for code, name in territories if _is_country(code)}
    return dict(sorted(names.items(), key=lambda item: _plain(item[1])))


def _plain(name: str) -> str:
    """Without its accents: Ä stands beside A, not after Z."""
    return "".join(char for char in normalize("NFKD", name) if not combining(char))


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES


def country_choices() -> list[tuple[str, str]]:
    """Choices of a select, the empty one first."""
    return [("", _("Choose a country")), *country_names().items()]
