"""Figures of a message as data: frozen when it is made, written when it is sent, in the language of its reader.

A `NoticeDraft.context` takes these where it would take a text: `{"total": figures.money(179700, "USD")}`. Templates
see the text: `{{ total }}`.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from accounts.models import CARD, PaymentMethod
from core import formats
from core.language import ENGLISH, FOR_DOCUMENTS, LOCALES, gettext, language, override
from core.periods import Period, Window

FIGURE = "figure"  # the key by which one is known in JSON

Figure = dict[str, Any]


def money(amount: int, currency: str) -> Figure:
    """`amount` in minor units."""
    return {FIGURE: "money", "amount": amount, "currency": currency}


def quantity(value: Decimal | int) -> Figure:
    return {FIGURE: "quantity", "value": str(value)}


def day(on: date) -> Figure:
    return {FIGURE: "day", "on": on.isoformat()}


def month(on: date) -> Figure:
    """The calendar month around a day."""
    return {FIGURE: "month", "on": on.isoformat()}


def instant(at: datetime) -> Figure:
    return {FIGURE: "instant", "at": at.isoformat()}


def period(days: Period) -> Figure:
    return {FIGURE: "period", "start": days.start.isoformat(), "end": days.end.isoformat()}


def window(span: Window) -> Figure:
    return {FIGURE: "window", "start": span.start.isoformat(), "end": span.end.isoformat()}


def sentence(text: str, **values: Any) -> Figure:
    """A whole sentence, `text` the English with %(name)s in it; `values` may be figures themselves."""
    return {FIGURE: "sentence", "text": text, "values": values}


def card(method: PaymentMethod) -> Figure:
    return sentence(CARD, brand=method.brand, last4=method.last4)


def text(write: Callable[[], str]) -> Figure:
    """What is put together of many parts, like a price in words: written now, in every language of messages."""
    return {FIGURE: "text", "in": {code: _in_language(code, write) for code in LOCALES if code not in FOR_DOCUMENTS}}


def _in_language(code: str, write: Callable[[], str]) -> str:
    with override(code):
        return write()


def written(value: Any) -> Any:
    """JSON with every figure in it, however deep, as a text in the active language."""
    if isinstance(value, Mapping):
        if value.get(FIGURE) in _WRITERS:
            return _WRITERS[value[FIGURE]](value)
        return {key: written(each) for key, each in value.items()}
    return [written(each) for each in value] if isinstance(value, list | tuple) else value


def _sentence(figure: Mapping[str, Any]) -> str:
    english, values = figure["text"], figure["values"]
    return gettext(english) % written(values) if values else gettext(english)


def _period(figure: Mapping[str, Any]) -> str:
    return formats.period(Period(date.fromisoformat(figure["start"]), date.fromisoformat(figure["end"])))


def _window(figure: Mapping[str, Any]) -> str:
    return formats.window(Window(datetime.fromisoformat(figure["start"]), datetime.fromisoformat(figure["end"])))


_WRITERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "money": lambda figure: formats.money(figure["amount"], figure["currency"]),
    "quantity": lambda figure: formats.quantity(Decimal(figure["value"])),
    "day": lambda figure: formats.day(date.fromisoformat(figure["on"])),
    "month": lambda figure: formats.month(date.fromisoformat(figure["on"])),
    "instant": lambda figure: formats.instant(datetime.fromisoformat(figure["at"])),
    "period": _period,
    "window": _window,
    "sentence": _sentence,
    "text": lambda figure: figure["in"].get(language(), figure["in"][ENGLISH]),
}
