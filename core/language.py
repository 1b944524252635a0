"""In which language a text is written: that of whoever reads it; English where it is kept.

Pure modules take their words from here, so that they need not know Django.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

from django.utils import translation
from django.utils.translation import get_language
from django.utils.translation import gettext as gettext
from django.utils.translation import gettext_lazy as gettext_lazy
from django.utils.translation import gettext_noop as gettext_noop
from django.utils.translation import ngettext as ngettext
from django.utils.translation import npgettext as npgettext
from django.utils.translation import pgettext as pgettext

ENGLISH = "en"
LOCALES = {ENGLISH: "en_US", "de": "de_DE", "fr": "fr_FR"}
FOR_DOCUMENTS = ("fr",)  # invoices, receipts and statements alone are written in these; pages and e-mails are not

P = ParamSpec("P")
R = TypeVar("R")


# To ask Django takes longer than to write an amount, and a run writes very many: `override` notes it here as well.
_noted: ContextVar[str] = ContextVar("language", default="")


def language() -> str:
    """The active language, one of LOCALES; English where nobody asked for another."""
    noted = _noted.get()
    if noted:
        return noted
    active = get_language()
    return active if active in LOCALES else ENGLISH


def locale() -> str:
    """How the active language writes numbers and dates: en_US, de_DE, fr_FR."""
    return LOCALES[language()]


@contextmanager
def override(code: str) -> Iterator[None]:
    """Words and figures in that language for a while. In place of Django's own, which figures would not notice."""
    before = _noted.set(code if code in LOCALES else ENGLISH)
    try:
        with translation.override(code):  # noqa: TID251 - this is where it is used
            yield
    finally:
        _noted.reset(before)


def cached_by_language(maxsize: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """`lru_cache` for a function whose text is in the active language; for positional, hashable arguments."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @lru_cache(maxsize=maxsize)
        def known(language: str, *args: P.args, **kwargs: P.kwargs) -> R:
            return function(*args, **kwargs)

        @wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            return known(language(), *args, **kwargs)  # type: ignore[arg-type]  # hashable, as said

        return wrapper

    return decorate


def in_english(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose texts are kept, compared or read by programs: they are English whoever asks for them.

    Not for generators, which would run in the language of whoever takes their values.
    """

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        if _noted.get() == ENGLISH:
            return function(*args, **kwargs)
        with override(ENGLISH):
            return function(*args, **kwargs)

    return wrapper


@in_english
def english(value: object) -> str:
    """The text of a value – a label, a card – as it is kept."""
    return str(value)


def inside(label: object) -> str:
    """A label as it is written inside a sentence: English begins it small, German keeps its nouns large."""
    text = str(label)
    return text.lower() if language() == ENGLISH else text
