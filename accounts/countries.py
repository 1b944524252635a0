"""Countries by ISO 3166-1 code, as Babel names them."""

from functools import cache

from babel import Locale

# Codes of Babel's list that are regions, unions or pseudo-locales, not places an address can be in.
NO_COUNTRIES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})


@cache
def country_names(locale: str = "en") -> dict[str, str]:
    """Name by two-letter code, in the order of the names."""
    territories = Locale.parse(locale).territories.items()
    names = {code: name for code, name in territories if _is_country(code)}
    return dict(sorted(names.items(), key=lambda item: item[1]))


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES


def country_choices() -> list[tuple[str, str]]:
    """Choices of a select, the empty one first."""
    return [("", "Choose a country"), *country_names().items()]
