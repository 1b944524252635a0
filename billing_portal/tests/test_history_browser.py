"""Filtering «Transaction History» in a real browser, as a customer and as staff."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from billing_portal.tests.admin.test_staff_browser import enter
from core.clock import now
from credits.tests.test_pages import grant, use

pytestmark = pytest.mark.django_db(transaction=True)


def press(page: Page, name: str) -> None:
    page.locator("#history .actions").get_by_text(name, exact=True).press("Enter")


def filter_and_clear(page: Page) -> None:
    rows = page.locator("#history tbody tr")
    expect(rows).to_have_count(2)
    page.locator("#id_type").select_option(label="Funded")
    press(page, "Filter")
    expect(page).to_have_url(re.compile("type=funded"))
    expect(rows).to_have_count(1)
    expect(page.get_by_role("button", name="Filter")).to_be_focused()
    press(page, "Clear")
    expect(rows).to_have_count(2)
    expect(page.get_by_role("button", name="Filter")).to_be_focused()
    page.locator("#id_since").fill("2026-10-02")
    page.locator("#id_until").fill("2026-10-01")
    page.locator("#live").evaluate("live => { live.textContent = '' }")
    press(page, "Filter")
    expect(page.locator(".summary")).to_be_focused()
    expect(page.locator("#live")).to_be_empty()
    assert [page.locator(one).count() for one in ("h1", "main", "#history")] == [1, 1, 1]


@pytest.fixture
def moved(customer, seller, catalogue):
    grant(customer, 10_000, now() - timedelta(hours=2))
    use(customer, 4_000, now() - timedelta(hours=1))
    return customer


def test_a_customers_filter_keeps_the_focus(page, log_in, alice, moved):
    enter(page, log_in(alice))
    page.goto(reverse("credits"))
    filter_and_clear(page)


def test_staffs_filter_keeps_the_focus(page, log_in, clerk, moved):
    enter(page, log_in(clerk))
    page.goto(reverse("admin:customer_credits", args=[moved.key]))
    filter_and_clear(page)
