"""How figures and dates are written – the same on every page, in every e-mail, in every PDF."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from babel.numbers import format_currency, format_decimal
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from core import formats
from core.language import override
from core.money import to_major
from core.periods import Period, Window
from core.templatetags.icons import PATHS


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (179700, "USD", "$1,797.00"),
        (-500, "USD", "−$5.00"),
        (0, "EUR", "€0.00"),
        (1797, "JPY", "¥1,797"),
        (1797, "KWD", "KWD\N{NO-BREAK SPACE}1.797"),
        (5, "CAD", "CA$0.05"),
    ],
)
def test_it_writes_amounts_with_the_decimals_of_their_currency(amount: int, currency: str, text: str) -> None:
    assert formats.money(amount, currency) == text


def test_it_writes_amounts_as_the_locale_does() -> None:
    with override("de"):
        assert formats.money(123456789, "EUR") == "1.234.567,89\N{NO-BREAK SPACE}€"
    with override("fr"):
        assert formats.money(123456, "EUR") == "1\N{NARROW NO-BREAK SPACE}234,56\N{NO-BREAK SPACE}€"
        assert formats.day(date(2026, 8, 20)) == "20 août 2026"


@pytest.mark.parametrize(
    ("unit_amount", "per_units", "text"),
    [
        ("12.000000000000", 1_000_000, "$12.00 per 1 million tokens"),
        ("0.001000000000", 1, "$0.0010 per token"),
        ("0.000012", 1, "$0.000012 per token"),
        ("0.0125", 1_000, "$0.0125 per 1,000 tokens"),
        ("49", 1, "$49.00 per token"),
        ("1200", 1, "$1,200.00 per token"),
    ],
)
def test_it_keeps_every_significant_decimal_of_a_price(unit_amount: str, per_units: int, text: str) -> None:
    assert formats.unit_price(Decimal(unit_amount), per_units, "USD", "token") == text


@pytest.mark.parametrize(
    ("unit_amount", "per_units", "currency", "text"),
    [
        ("0.000012", 1, "USD", "$0.000012 per token ($12.00 per 1 million)"),
        ("0.001", 1, "USD", "$0.0010 per token ($1.00 per 1,000)"),
        ("0.0005", 1, "USD", "$0.0005 per token ($0.50 per 1,000)"),
        ("0.5", 1, "JPY", "¥0.5000 per token (¥500 per 1,000)"),
        ("0.01", 1, "USD", "$0.01 per token"),
        ("0", 1, "USD", "$0.00 per token"),
        ("0.0125", 1_000, "USD", "$0.0125 per 1,000 tokens"),
    ],
)
def test_it_says_what_many_cost_where_one_costs_next_to_nothing(
    unit_amount: str, per_units: int, currency: str, text: str
) -> None:
    assert formats.unit_price_at_scale(Decimal(unit_amount), per_units, currency, "token") == text


def test_it_writes_prices_as_the_locale_does() -> None:
    with override("de"):
        assert formats.price(Decimal("0.0010"), "EUR") == "0,0010\N{NO-BREAK SPACE}€"
    assert formats.price(Decimal(12), "JPY") == "¥12"


def test_it_uses_the_plural_it_is_given() -> None:
    assert formats.unit_price(Decimal(2), 100, "USD", "query", "queries") == "$2.00 per 100 queries"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("12345.000000000000", "12,345"),
        ("0.250000", "0.25"),
        ("0", "0"),
        ("-3", "−3"),
        ("0.000000000001", "0.000000000001"),
    ],
)
def test_it_writes_quantities_without_trailing_zeros(value: str, text: str) -> None:
    assert formats.quantity(Decimal(value)) == text


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (date(2026, 10, 20), date(2026, 11, 20), "20 Oct – 19 Nov 2026"),
        (date(2026, 12, 20), date(2027, 1, 20), "20 Dec 2026 – 19 Jan 2027"),
        (date(2026, 12, 1), date(2027, 1, 1), "1 Dec – 31 Dec 2026"),
        (date(2026, 11, 8), date(2026, 11, 9), "8 Nov 2026"),
        (date(2026, 11, 8), date(2026, 11, 8), "8 Nov 2026"),
    ],
)
def test_it_shows_periods_with_their_last_day_inside(start: date, end: date, text: str) -> None:
    assert formats.period(Period(start, end)) == text


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (datetime(2026, 11, 17, tzinfo=UTC), datetime(2026, 12, 17, tzinfo=UTC), "17 Nov – 16 Dec 2026"),
        (
            datetime(2026, 10, 20, 10, 4, tzinfo=UTC),
            datetime(2026, 11, 17, tzinfo=UTC),
            "20 Oct, 10:04 – 16 Nov 2026 UTC",
        ),
        (
            datetime(2026, 11, 17, tzinfo=UTC),
            datetime(2026, 11, 19, 14, 5, tzinfo=UTC),
            "17 Nov – 19 Nov 2026, 14:05 UTC",
        ),
        (datetime(2026, 12, 31, 9, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC), "31 Dec, 09:00 – 31 Dec 2026 UTC"),
    ],
)
def test_it_shows_windows_with_the_time_of_a_cut_end(start: datetime, end: datetime, text: str) -> None:
    assert formats.window(Window(start, end)) == text


def test_it_writes_instants_in_utc() -> None:
    assert formats.instant(datetime.fromisoformat("2026-11-20T15:05:00+01:00")) == "20 Nov 2026, 14:05 UTC"


def render(source: str, **context: object) -> str:
    return Template("{% load portal %}" + source).render(Context(context))


def test_tags_take_the_iso_text_kept_in_json() -> None:
    assert render("{{ on|day }}", on="2026-11-20") == '<time datetime="2026-11-20">20 Nov 2026</time>'
    assert render("{{ at|instant_text }}", at="2026-11-20T14:05:00+00:00") == "20 Nov 2026, 14:05 UTC"
    assert render("{% days start end %}", start="2026-10-20", end="2026-11-20") == "20 Oct – 19 Nov 2026"


def test_tags_write_nothing_where_there_is_nothing() -> None:
    assert render("{{ x|money:'USD' }}{{ x|day }}{{ x|instant }}{{ x|period }}{{ x|quantity }}", x=None) == ""


def test_a_template_writes_what_the_formats_write() -> None:
    assert render("{{ amount|money:currency }}", amount=-500, currency="USD") == "−$5.00"
    text = render('{% unit_price "12.00" 1000000 "USD" "token" "tokens" %}')
    assert text == "$12.00 per 1 million tokens"


def test_icons_are_hidden_from_screen_readers() -> None:
    assert all('aria-hidden="true"' in render(f'{{% icon "{name}" %}}') for name in PATHS)


def test_the_meter_says_in_words_what_it_draws() -> None:
    html = render('{% meter used included "API requests" %}', used=12345, included=10000)
    assert "12,345" in html
    assert "of 10,000 included (2,345 billed)" in html
    assert 'x="162" width="38"' in html  # 10,000 of 12,345 is 162 of 200


def test_the_meter_of_something_without_allowance_draws_nothing() -> None:
    html = render("{% meter used 0 %}", used=Decimal("7.5"))
    assert "7.5" in html
    assert "<svg" not in html


def test_a_little_usage_is_not_drawn_as_none() -> None:
    assert 'class="fill" width="1"' in render("{% meter 1 1000000 %}")


@given(
    st.decimals(-(10**15), 10**15, places=12)
    | st.decimals(-(10**6), 10**6, places=3)
    | st.integers(-(10**15), 10**15).map(Decimal)
)
def test_a_quantity_is_written_as_its_pattern_says(value):
    assert formats.quantity(value) == format_decimal(value, "#,##0.############", "en_US").replace("-", formats.MINUS)


@given(amount=st.integers(-(10**15), 10**15), currency=st.sampled_from(["USD", "EUR", "JPY", "KWD", "CHF", "CAD"]))
def test_money_is_written_as_the_library_writes_it(amount, currency):
    theirs = format_currency(to_major(amount, currency), currency, locale="en_US")
    bare = formats.money(amount, currency).replace("\N{NO-BREAK SPACE}", "").replace("\N{MINUS SIGN}", "-")
    assert bare == theirs.replace("\N{NO-BREAK SPACE}", "")
