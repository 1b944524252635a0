"""Texts follow the reader; what is kept does not."""

from datetime import UTC, date, datetime
from decimal import Decimal

from core import formats, language
from core.language import override
from core.periods import Period, Window


def test_it_writes_figures_in_german() -> None:
    with override("de"):
        assert formats.money(-179700, "USD") == "−1.797,00\N{NO-BREAK SPACE}$"
        assert formats.money(1797, "JPY") == "1.797\N{NO-BREAK SPACE}¥"
        assert formats.price(Decimal("0.0010"), "USD") == "0,0010\N{NO-BREAK SPACE}$"
        assert formats.unit_price(Decimal(12), 1_000_000, "EUR", "token") == (
            "12,00\N{NO-BREAK SPACE}€ je 1 Million tokens"
        )
        assert formats.quantity(Decimal("12345.50")) == "12.345,5"
        assert formats.day(date(2026, 11, 20)) == "20. Nov. 2026"
        assert formats.instant(datetime(2026, 3, 1, 14, 5, tzinfo=UTC)) == "1. März 2026, 14:05 UTC"
        assert formats.period(Period(date(2026, 10, 20), date(2026, 11, 20))) == "20. Okt. – 19. Nov. 2026"
        span = Window(datetime(2026, 11, 17, tzinfo=UTC), datetime(2026, 11, 19, 14, 5, tzinfo=UTC))
        assert formats.window(span) == "17. Nov. – 19. Nov. 2026, 14:05 UTC"
    assert formats.money(-179700, "USD") == "−$1,797.00"


def test_a_language_we_do_not_have_is_english() -> None:
    with override("es"):
        assert (language.language(), language.locale()) == ("en", "en_US")
        assert formats.day(date(2026, 11, 20)) == "20 Nov 2026"


@language.in_english
def kept(amount: int) -> str:
    return formats.money(amount, "USD")


def test_what_is_kept_is_english_whoever_asks() -> None:
    with override("de"):
        assert kept(123456) == "$1,234.56"
        assert formats.money(123456, "USD") == "1.234,56\N{NO-BREAK SPACE}$"


@language.cached_by_language(16)
def cached(amount: int) -> str:
    return formats.money(amount, "USD")


def test_a_cache_does_not_mix_languages() -> None:
    assert cached(100) == "$1.00"
    with override("de"):
        assert cached(100) == "1,00\N{NO-BREAK SPACE}$"
    assert cached(100) == "$1.00"
