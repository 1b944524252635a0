"""The credits pages in a real browser: without a script, and what staff do there. test_states.py has the rest."""

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from billing_portal.chromium import dress
from billing_portal.tests.looks import LOOKS, complaints, problems
from core.clock import travel_to
from credits.tests.test_pages import grant, use

pytestmark = pytest.mark.django_db(transaction=True)
SHOTS = os.environ.get("SCREENSHOTS", "")  # a folder: what was looked at is kept there


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


@pytest.fixture
def story(customer, catalogue, at):
    """Credit of every kind, a charge on two grants, and what is over."""
    grant(customer, 500, at - timedelta(days=40), key="old", expires_at=at - timedelta(days=10))
    grant(customer, 2_000, at - timedelta(days=30), key="small", priority=1)
    grant(customer, 10_000, at - timedelta(days=20), key="big", expires_at=at + timedelta(days=9))
    grant(customer, 3_000, at - timedelta(days=2), key="only", features=("ai-tokens",))
    grant(customer, 5_000, at - timedelta(days=1), key="later", effective_at=at + timedelta(days=5))
    use(customer, 4_500, at - timedelta(days=3), key="two-grants", feature="api-requests")
    for number in range(30):
        use(customer, 10 + number, at - timedelta(hours=30 - number), key=f"c{number}", feature="ai-tokens")


def visit(page: Page, user, path: str) -> None:
    """The browser gets the session of a test client that is logged in."""
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "domain": "localhost", "path": "/"}])
    page.goto(path)


def check(page: Page, name: str) -> None:
    for theme, width in LOOKS if SHOTS else ():
        dress(page, theme, width)
        page.screenshot(path=Path(SHOTS) / f"{name}-{theme}-{width}.png", full_page=True)
    assert problems(page) == [], name


def test_no_staff_are_kept_out_of_granting(page: Page, staff, customer, story):
    dress(page)
    visit(page, staff, reverse("admin:customer_credits", args=[customer.key]))
    check(page, "staff-credits")
    page.get_by_role("link", name="Grant Credits").click()
    page.get_by_text("Policies").click()
    check(page, "staff-grant")
    page.get_by_label("Credit amount").fill("100")
    page.get_by_label("Currency").fill("USD")
    page.get_by_label("Reason").fill("A good start")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Grant Summary")).to_be_visible()
    check(page, "staff-summary")
    page.get_by_role("button", name="Grant credits").click()
    expect(page.locator("#new")).to_be_focused()
    check(page, "staff-granted")


def test_the_history_is_filtered_without_a_script(page_without_js: Page, alice, story):
    visit(page_without_js, alice, reverse("credits"))
    page_without_js.get_by_label("Type").select_option("expired")
    page_without_js.get_by_role("button", name="Filter").click()
    expect(page_without_js.locator("#history tbody tr")).to_have_count(1)


def test_the_history_is_filtered_in_place(page: Page, alice, story):
    visit(page, alice, reverse("credits"))
    page.get_by_label("Type").select_option("expired")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#history tbody tr")).to_have_count(1)
    expect(page.get_by_role("heading", name="Grants", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("type=expired"))
    assert complaints(page) == []
