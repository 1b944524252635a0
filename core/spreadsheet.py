"""PURE: rows as CSV, line by line, safe to open in a spreadsheet."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

Cell = str | int | Decimal | datetime | date | dict[str, Any] | list[Any] | None
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class _Line:
    """What the csv module writes to: it hands each line back instead of keeping it."""

    def write(self, text: str) -> str:
        return text


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """The header, then one text per row, by RFC 4180. Nothing is held in memory."""
    writer = csv.writer(_Line())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def exact_lines(header: Sequence[str], rows: Iterable[Sequence[str | int]]) -> Iterator[str]:
    """The same with every text as it is: for files that a program checks, where one added character breaks a hash."""
    writer = csv.writer(_Line())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow(row)


def cell(value: Cell) -> str:
    """Numbers in full, instants in UTC, what has parts as JSON; a text that a spreadsheet would calculate gets an
    apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    if isinstance(value, Decimal):
        return _plain(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) or value.lstrip().startswith(FORMULA) else value
    return str(value)


def _plain(value: Decimal) -> str:
    """All its digits, without zeros at the end; `normalize` would round long ones."""
    whole, _point, decimals = format(value, "f").partition(".")
    decimals = decimals.rstrip("0")
    return f"{whole}.{decimals}" if decimals else whole
