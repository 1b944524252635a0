"""PURE: how money, quantities and dates are written for people – on pages, in e-mails and in PDFs alike.

The same call gives the same text on every surface, so a figure can be compared letter by letter. Texts are in the
active language; what is kept or read by programs is written inside `core.language.in_english`.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency as babel_currency
from babel.numbers import format_decimal, get_currency_symbol

from core import language
from core.language import gettext as _
from core.money import exponent, to_major
from core.periods import Period, Window

MINUS = "\N{MINUS SIGN}"
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
DASH = " \N{EN DASH} "
QUANTITY_DECIMALS = 12
SCALES = (1_000, 1_000_000, 1_000_000_000)  # of a price that is hard to read: the first at which it is even
SUB_CENT_DECIMALS = 4  # a price below the minor unit is written $0.0010, never $0.001 beside $0.0125

_LETTER_BEFORE_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)")
_DAYS = {"en_US": ("d MMM y", "d MMM"), "de_DE": ("d. MMM y", "d. MMM"), "fr_FR": ("d MMM y", "d MMM")}


def money(amount: int, currency: str) -> str:
    """An amount in minor units: $1,797.00, ¥1,797, −$5.00 (a real minus sign); in German 1.797,00 $."""
    return _money(amount, currency, language.locale())


@lru_cache(maxsize=4096)
def _money(amount: int, currency: str, locale: str) -> str:
    major = to_major(amount, currency)
    if locale == "en_US":  # the same text without reading a pattern: a run writes every amount it announces
        sign = "-" if amount < 0 else ""
        return _typeset(f"{sign}{_symbol(currency)}{abs(major):,.{exponent(currency)}f}")
    return _typeset(babel_currency(major, currency, locale=locale))


@lru_cache
def _symbol(currency: str) -> str:
    return get_currency_symbol(currency, locale="en_US")


def price(value: Decimal, currency: str) -> str:
    """A price in major units with all its significant decimals: $49.00, $0.0010, $0.000012."""
    locale = language.locale()
    normal = value.normalize()
    decimals = max(0, -int(normal.as_tuple().exponent))
    least = exponent(currency)
    digits = least if decimals <= least else max(decimals, SUB_CENT_DECIMALS)
    # format_currency would round to the minor unit, so the locale's pattern is told how many decimals there are
    pattern = Locale.parse(locale).currency_formats["standard"].pattern
    pattern = pattern.replace("0.00", "0." + "0" * digits if digits else "0")
    return _typeset(babel_currency(value, currency, format=pattern, locale=locale, currency_digits=False))


def unit_price(unit_amount: Decimal, per_units: int, currency: str, unit: str, unit_plural: str = "") -> str:
    """What `per_units` units cost: "$0.0010 per request", "$12.00 per 1 million tokens". `unit` is the singular."""
    what = unit if per_units == 1 else f"{_multiple(per_units)} {unit_plural or unit + 's'}"
    return _("%(price)s per %(unit)s") % {"price": price(unit_amount, currency), "unit": what}


def unit_price_at_scale(unit_amount: Decimal, per_units: int, currency: str, unit: str, unit_plural: str = "") -> str:
    """The same with what more of them cost, where one costs less than the minor unit: "$0.000012 per token ($12.00 per
    1 million)". For pages; documents have the price alone."""
    said = unit_price(unit_amount, per_units, currency, unit, unit_plural)
    least = Decimal(1).scaleb(-exponent(currency))
    if per_units != 1 or not 0 < unit_amount < least:
        return said
    count = next((count for count in SCALES if unit_amount * count % least == 0), SCALES[-1])
    scaled = price(unit_amount * count, currency)
    return _("%(unit_price)s (%(price)s per %(count)s)") % {
        "unit_price": said,
        "price": scaled,
        "count": _multiple(count),
    }


def _multiple(units: int) -> str:
    if units == 1_000_000:
        return _("1 million")
    return _("1 billion") if units == 1_000_000_000 else quantity(units)


def quantity(value: Decimal | Fraction | int) -> str:
    """A quantity without trailing zeros: 12,345 or 0.25. A fraction is written as a decimal."""
    if isinstance(value, Fraction):
        value = Decimal(value.numerator) / Decimal(value.denominator)
    return _decimal_text(Decimal(value), language.locale()).replace("-", MINUS)


def _decimal_text(value: Decimal, locale: str) -> str:
    if locale == "en_US" and int(value.as_tuple().exponent) >= -QUANTITY_DECIMALS:
        plain = f"{value:,f}"  # the same text without reading a pattern: every line of a run says its quantity
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    text: str = format_decimal(value, format=f"#,##0.{'#' * QUANTITY_DECIMALS}", locale=locale)
    return text


def day(on: date) -> str:
    """20 Nov 2026; in German 20. Nov. 2026."""
    return _day(on, language.locale())


@lru_cache(maxsize=4096)
def _day(on: date, locale: str) -> str:
    return format_date(on, _DAYS[locale][0], locale=locale)


def month(on: date) -> str:
    """November 2026: the calendar month around a day."""
    return format_date(on, "MMMM y", locale=language.locale())


def instant(at: datetime) -> str:
    """20 Nov 2026, 14:05 UTC."""
    utc = at.astimezone(UTC)
    return f"{day(utc.date())}, {utc:%H:%M} UTC"


def period(days: Period) -> str:
    """Half-open days with the last one inside: 20 Oct – 19 Nov 2026. An empty or one-day period is its day."""
    if days.days <= 1:
        return day(days.start)
    return _short_day(days.start, days.last_day, language.locale()) + DASH + day(days.last_day)


def window(span: Window) -> str:
    """A usage window: whole days where it begins and ends at midnight, else with the time of that end.

    20 Oct – 16 Nov 2026 · 20 Oct, 10:04 – 16 Nov 2026 UTC · 17 Nov – 19 Nov 2026, 14:05 UTC.
    """
    start, end = span.start.astimezone(UTC), span.end.astimezone(UTC)
    whole_start, whole_end = start.time() == time.min, end.time() == time.min
    if whole_start and whole_end:
        return period(Period(start.date(), end.date()))
    last = end.date() - timedelta(days=1) if whole_end and end > start else end.date()
    first = _short_day(start.date(), last, language.locale())
    left = first + ("" if whole_start else f", {start:%H:%M}")
    right = day(last) + ("" if whole_end else f", {end:%H:%M}")
    return f"{left}{DASH}{right} UTC"


@lru_cache(maxsize=4096)
def _short_day(on: date, other: date, locale: str) -> str:
    """The day without its year where the other end of a range has the same."""
    return format_date(on, _DAYS[locale][1], locale=locale) if on.year == other.year else _day(on, locale)


def _typeset(text: str) -> str:
    """A real minus, and a space between a code of letters and its number (CLDR's currency spacing)."""
    return _LETTER_BEFORE_DIGIT.sub(NO_BREAK_SPACE, text.replace("-", MINUS))
