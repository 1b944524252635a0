from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from core.spreadsheet import cell, csv_lines


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("12.500000000000"), "12.5"),
        (Decimal("1E+6"), "1000000"),
        (Decimal("-3"), "-3"),
        (Decimal("0E-12"), "0"),
        (Decimal("123456789012345678.000000000001"), "123456789012345678.000000000001"),
        (7, "7"),
        (None, ""),
        (date(2026, 11, 20), "2026-11-20"),
        (datetime(2026, 11, 20, 14, 5, tzinfo=UTC), "2026-11-20T14:05:00Z"),
        (datetime(2026, 11, 20, 14, 5, tzinfo=timezone(timedelta(hours=2))), "2026-11-20T12:05:00Z"),
        ("gateway", "gateway"),
    ],
)
def test_it_writes_values_in_full(value, written):
    assert cell(value) == written


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_text_is_never_a_formula(start):
    assert cell(f'{start}HYPERLINK("http://example.com")').startswith("'" + start)


def test_it_gives_one_text_per_row():
    assert list(csv_lines(["a", "b"], [(1, 'x "y", z'), ("", None)])) == ["a,b\r\n", '1,"x ""y"", z"\r\n', ",\r\n"]
