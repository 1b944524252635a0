"""PURE: in which words people read a line. What is kept of it is English; whoever rates lines can write them again in
the active language, and says so here when the house starts.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Wording(NamedTuple):
    """Title and detail as people read them, given what is kept: the English, and the line's explain data."""

    title: Callable[[str], str]
    detail: Callable[[str, Mapping[str, Any]], str]


_wording = [Wording(title=str, detail=lambda kept, _explain: kept)]


def let_word(wording: Wording) -> None:
    """From now on lines are read so."""
    _wording[:] = [wording]


def title_of(kept: str) -> str:
    """A line's title in the active language."""
    return _wording[0].title(kept)


def detail_of(kept: str, explain: Mapping[str, Any]) -> str:
    """How a line is calculated, in the active language."""
    return _wording[0].detail(kept, explain)
