"""The whole house in a real browser: sign up → Plus → real traffic → bill → pay → PDFs, and back to Free.

Each walk is made with JavaScript on and off, and ends in green books.
"""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core import mail
from django.core.cache import cache
from django.core.management import call_command
from playwright.sync_api import Page, expect

from billing_portal.tests.walk import BILLED_AT, CALCULATED_AT, SUBSCRIBED_AT, Walk, figures
from core import clock
from plans.seed import demo_catalogue

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SAMPLES = Path(__file__).resolve().parents[2] / "usage" / "tests" / "data"
TRAFFIC = Path(os.environ.get("REAL_TRAFFIC_DIR") or SAMPLES)
ACCESS_LOG = next(TRAFFIC.glob("*access*.log"))
TOKEN_TRACE = next(TRAFFIC.glob("*llm*.csv"))


@pytest.fixture(params=["with JavaScript", "without JavaScript"])
def walk(request, seller):
    cache.clear()  # of the limits on mails and log-ins
    catalogue = demo_catalogue(SUBSCRIBED_AT)
    page: Page = request.getfixturevalue("page" if request.param == "with JavaScript" else "page_without_js")
    page.emulate_media(reduced_motion="no-preference")
    with clock.travel_to(SUBSCRIBED_AT):
        yield Walk(page, catalogue)
    call_command("check_books")


def test_it_walks_from_sign_up_to_the_pdfs(walk):
    walk.sign_up()
    walk.upgrade()
    walk.use(ACCESS_LOG, TOKEN_TRACE)

    assert walk.run(CALCULATED_AT).calculated == 1
    with clock.travel_to(CALCULATED_AT):
        overview = walk.overview()
        announced = figures(str(overview.get_by_test_id("announced-total").inner_text()))[0]
        expect(overview).to_contain_text("20 Nov 2026")
        assert any(announced in message.body for message in mail.outbox)

    assert walk.run(CALCULATED_AT).calculated == 0
    report = walk.run(BILLED_AT)
    assert (report.finalized, report.collected, report.documents) == (1, 1, 2)

    with clock.travel_to(BILLED_AT):
        invoice = walk.open_latest_invoice()
        expect(invoice.get_by_role("main")).to_contain_text("Paid")
        shown = invoice.get_by_test_id("document").inner_text()
        total = invoice.get_by_test_id("total").inner_text()
        assert figures(total) == [announced]

        filename, text = walk.download(invoice, "Download invoice")
        assert filename == "INV-2026-000001.pdf"
        assert sorted(figures(text)) == sorted(figures(shown))
        for title in ("API requests", "AI tokens"):
            assert title in text
        receipt_name, receipt = walk.download(invoice, "Download receipt")
        assert receipt_name == "RCP-2026-000001.pdf"
        assert announced in figures(receipt)


def test_a_declined_card_leaves_the_invoice_open_until_another_one_pays(walk):
    walk.begin_on_plus(card="4000000000000341")
    walk.use(ACCESS_LOG, TOKEN_TRACE)
    walk.run(CALCULATED_AT)
    report = walk.run(BILLED_AT)
    assert (report.finalized, report.declined) == (1, 1)

    with clock.travel_to(BILLED_AT):
        expect(walk.overview()).to_contain_text("Payment failed")
        walk.billing_portal().get_by_role("link", name=re.compile("^View")).first.click()
        page = walk.page
        page.get_by_role("link", name="Add a payment method").first.click()
        walk.enter_card("5555 5555 5555 4444")
        page.get_by_role("button", name=re.compile("^Pay")).click()
        page.wait_for_url(re.compile(r"/invoices/inv_\w+/$"))
        expect(page.get_by_role("main")).to_contain_text("Paid")
        call_command("run_billing", at=BILLED_AT, verbosity=0)
        page.reload()
        total = figures(page.get_by_test_id("total").inner_text())[0]
        _, receipt = walk.download(page, "Download receipt")
        assert total in figures(receipt)
        assert "4444" in receipt


def test_what_confirm_downgrade_shows_is_what_is_charged(walk):
    walk.begin_on_plus()
    walk.use(ACCESS_LOG, TOKEN_TRACE)
    leaving_at = datetime(2026, 11, 2, 14, 5, tzinfo=UTC)
    with clock.travel_to(leaving_at):
        walk.overview().get_by_role("link", name="Cancel Plan").click()
        quoted = figures(walk.page.get_by_test_id("quote-total").inner_text())[0]
        expect(walk.page.get_by_role("main")).to_contain_text("13 of 31 days")
        walk.page.get_by_role("button", name="Confirm Downgrade").click()
        expect(walk.page.get_by_role("main")).to_contain_text("Meridian Free")
        walk.page.get_by_text("Why are you leaving?").click()
        walk.page.get_by_label("In your own words").fill("The walk is over.")
        walk.page.get_by_role("button", name="Send answer").click()
        expect(walk.page.get_by_role("main")).to_contain_text("Thank you.")
    walk.run(leaving_at)
    with clock.travel_to(leaving_at):
        invoice = walk.open_latest_invoice()
        expect(invoice.get_by_role("main")).to_contain_text("Paid")
        assert figures(invoice.get_by_test_id("total").inner_text()) == [quoted]
        _, text = walk.download(invoice, "Download invoice")
        assert quoted in figures(text)
