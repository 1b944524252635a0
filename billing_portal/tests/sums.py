"""The upcoming invoice as it is written: what stands in its rows comes to what stands in its sums."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from lxml import html
from lxml.html import HtmlElement


def adrift(page: str) -> list[str]:
    """The sums that their rows don't come to; a page without an upcoming invoice has none."""
    return [said for table in html.fromstring(page).xpath("//*[@id='upcoming']//table") for said in _wrong(table)]


def _wrong(table: HtmlElement) -> Iterator[str]:
    """A group is the sum of its rows; a total that of the groups, or of the total before, and the rows since."""
    groups: list[HtmlElement] = []
    rows: list[HtmlElement] = []
    for body in table.xpath("tbody"):
        heads = [row for row in body.xpath("tr") if "group" in row.classes]
        inside = [row for row in body.xpath("tr") if row not in heads]
        yield from (said for head in heads for said in _compared(head, inside))
        groups, rows = [*groups, *heads], [*rows, *inside]
    before = groups or rows
    for row in table.xpath("tfoot/tr"):
        if "total" in row.classes:
            yield from _compared(row, before)
            before = [row]
        else:
            before = [*before, row]


def _compared(total: HtmlElement, rows: Sequence[HtmlElement]) -> Iterator[str]:
    added = sum((_amount(row) for row in rows if not _is_inside(row)), Decimal(0))
    if added != _amount(total):
        yield f"{_name(total)}: {_amount(total)}, and its rows come to {added}"


def _is_inside(row: HtmlElement) -> bool:
    """Whether it is a tax that the prices contain."""
    return "included in the prices" in _name(row)


def _amount(row: HtmlElement) -> Decimal:
    [cell] = row.xpath("td[contains(@class, 'num')]")
    return Decimal(re.sub(r"[^\d.−]", "", cell.text_content()).replace("−", "-"))


def _name(row: HtmlElement) -> str:
    return " ".join(row.xpath("th")[0].text_content().split())
