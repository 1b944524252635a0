"""Overview, usage and invoice on paper: nothing of the screen around them, whole rows and addresses of explanations."""

from io import BytesIO

import pytest
from django.urls import reverse
from pypdf import PdfReader

from billing_portal.tests.people import on_plus
from billing_portal.tests.test_overview import MIDDLE
from billing_portal.tests.test_overview_panels import HOUR, used
from core import clock
from invoices.tests.cast import line, open_invoice
from invoices.tests.test_browser import enter

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = """[...document.querySelectorAll("main table.rows:not(details *) tbody tr")].map(
    row => [row.cells[0], row.lastElementChild].map(cell => cell.innerText))"""
AROUND = ".topbar a, .topbar button, .side a, .footer a"


@pytest.fixture(autouse=True)
def _in_the_middle():
    with clock.travel_to(MIDDLE):
        yield


@pytest.fixture
def pages(customer, alice, seller, catalogue, at):
    """The addresses of the pages; the invoice is longer than a sheet."""
    on_plus(customer, alice, catalogue, at)
    used(customer, at + HOUR, MIDDLE)
    lines = tuple(line(100 + number, f"fee:{number}", title=f"Fee {number}") for number in range(40))
    invoice = open_invoice(customer, lines=lines, at=at)
    return [
        reverse("billing_overview"),
        reverse("billing_usage") + "?meter=ai-tokens",
        reverse("invoice", args=[invoice.public_id]),
    ]


def sheets(page, paper):
    """The text of each sheet, without spaces."""
    found = PdfReader(BytesIO(page.pdf(format=paper))).pages
    return [squeezed(sheet.extract_text()) for sheet in found]


def squeezed(text):
    return "".join(text.split())


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_it_prints(pages, alice, page, live_server, log_in, paper):
    enter(page, live_server, log_in(alice))
    for address in pages:
        page.goto(address)
        page.wait_for_load_state("networkidle")
        shown = squeezed(page.locator("main").inner_text())
        around = {squeezed(words) for words in page.locator(AROUND).all_inner_texts()} - {""}
        around = {words for words in around if words not in shown}
        page.emulate_media(media="print")
        printed, rows = sheets(page, paper), page.evaluate(ROWS)
        text = "".join(printed)
        assert f"({live_server.url}/settings/billing/explain/" in text, address
        assert around
        assert {words for words in around if words in text} == set(), address
        for row in rows:
            cells = [squeezed(cell) for cell in row]
            first = cells[0].split("Explain")[0]
            assert any(first in sheet and cells[1] in sheet for sheet in printed), f"{address}: {row}"
        page.emulate_media(media="screen")
