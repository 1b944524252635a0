"""The test clock in a real browser: accessible in every state, moving by itself, and without a script."""

import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import ClockMove, Notice
from accounts.services.move_clock import move_clock
from accounts.services.start_clock import start_clock
from accounts.tests.cards import DECLINES
from billing_portal.chromium import dress
from billing_portal.tests.looks import problems
from billing_portal.tests.people import on_plus
from billing_portal.tests.test_clock_run import NEAR, move_all
from billing_portal.tests.test_credit_looks import visit
from core import clock

pytestmark = pytest.mark.django_db(transaction=True)
SHOTS = os.environ.get("SCREENSHOTS", "")  # a folder: what was looked at is kept there
DAY = timedelta(days=1)
PAGE = "/settings/billing/clock/"


@pytest.fixture(autouse=True)
def _today(at):
    with clock.travel_to(at):
        yield


@pytest.fixture
def declining(customer, alice, catalogue, seller, at):
    """A billing date and a week of a card that is declined."""
    on_plus(customer, alice, catalogue, at, card=DECLINES)
    start_clock(customer_id=customer.pk, at=NEAR, actor=alice)
    move_clock(customer_id=customer.pk, key="clk_1", shown=NEAR, until=NEAR + 11 * DAY, at=at, actor=alice)
    move_all()
    customer.refresh_from_db()
    return customer


def check(page: Page, name: str) -> None:
    assert problems(page) == [], name
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"clock-{name}.png", full_page=True)
    dress(page)


def test_nobody_is_kept_out_of_the_clock(page: Page, declining, alice, clerk, at):
    pages = (
        ("story", alice, PAGE),
        ("message", alice, reverse("billing_clock_message", args=[Notice.objects.latest("pk").pk])),
        ("staff", clerk, reverse("admin:customer_clock", args=[declining.key])),
    )
    dress(page)
    for name, person, url in pages:
        visit(page, person, url)
        check(page, name)


def test_nobody_is_kept_out_of_starting_and_of_waiting(page: Page, customer, alice, catalogue, seller, at):
    on_plus(customer, alice, catalogue, at)
    dress(page)
    visit(page, alice, PAGE)
    check(page, "none")
    page.get_by_role("button", name="Start the test clock").click()
    expect(page.get_by_text("Test clock:", exact=True)).to_be_visible()
    check(page, "new")
    page.get_by_role("textbox", name="Date").fill("2026-10-01")
    page.get_by_role("button", name="Move to this date").click()
    expect(page.get_by_role("alert").filter(has_text="There is a problem")).to_be_visible()
    check(page, "wrong")
    customer.refresh_from_db()
    move_clock(customer_id=customer.pk, key="clk_1", shown=customer.clock_at, until=at + 60 * DAY, at=at, actor=alice)
    page.goto(PAGE)
    expect(page.get_by_role("progressbar", name="Days done")).to_be_visible()
    check(page, "moving")


def test_the_page_follows_a_clock_until_it_stands(page: Page, customer, alice, catalogue, seller, at):
    on_plus(customer, alice, catalogue, at)
    start_clock(customer_id=customer.pk, at=NEAR, actor=alice)
    move_clock(customer_id=customer.pk, key="clk_1", shown=NEAR, until=NEAR + 7 * DAY, at=at, actor=alice)
    visit(page, alice, PAGE)
    expect(page.get_by_role("heading", name="The clock is moving")).to_be_visible()

    def work():
        try:
            move_all()
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    expect(page.get_by_role("heading", name="For this customer it is")).to_be_visible(timeout=120_000)
    worker.join()
    expect(page.get_by_text("Invoice INV-2026-000001 issued: $49.00.")).to_be_visible()
    expect(page.locator("[aria-current=step]")).to_contain_text("Newest")


def test_without_a_script_it_moves_by_a_button(page_without_js: Page, customer, alice, catalogue, seller, at):
    on_plus(customer, alice, catalogue, at)
    start_clock(customer_id=customer.pk, at=NEAR, actor=alice)
    visit(page_without_js, alice, PAGE)
    for _ in range(2):
        page_without_js.get_by_role("button", name="To the next event").click()
    expect(page_without_js.get_by_text("$49.00 paid with Visa ending 4242.")).to_be_visible()
    page_without_js.get_by_role("link", name="Message sent: “Receipt").first.click()
    expect(page_without_js.get_by_role("heading", level=1)).to_contain_text("Receipt")
    assert ClockMove.objects.filter(ended_at__isnull=True).count() == 0
