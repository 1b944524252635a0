"""Which characters our own fonts can print; what is in none of them looks different on every machine, if at all."""

import unicodedata
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont

FONTS = Path(__file__).with_name("fonts")


def unprintable(text: str) -> str:
    """The characters of a text, each once, that no font of ours has; empty where all can be printed."""
    characters = dict.fromkeys(unicodedata.normalize("NFC", text))
    return "".join(one for one in characters if ord(one) not in _printable() and _has_shape(one))


def _has_shape(character: str) -> bool:
    """Unlike spaces, line ends and marks of direction."""
    category = unicodedata.category(character)
    return category not in ("Cc", "Cf") and not category.startswith("Z")


@cache
def _printable() -> frozenset[int]:
    """Read once per process."""
    found: set[int] = set()
    for path in FONTS.glob("*.ttf"):
        with TTFont(path, lazy=True) as font:
            found.update(font.getBestCmap())
    return frozenset(found)
