"""Explaining in a real browser: opened beside the line, without a script by its page, and for everybody."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from billing_portal.chromium import dress
from billing_portal.tests.looks import problems
from billing_portal.tests.people import on_plus
from core import clock
from plans.tests.conftest import send

pytestmark = pytest.mark.django_db(transaction=True)

OVERVIEW = "/settings/billing/"
NOW = datetime(2026, 10, 30, 10, 30, tzinfo=UTC)  # a day after the last usage, as they are used to


@pytest.fixture
def enter(customer, alice, seller, catalogue, at, log_in, live_server):
    """Puts alice, on Plus for ten days with usage that differs from day to day, before a browser."""
    with clock.travel_to(at):
        on_plus(customer, alice, catalogue, at)
        for day in range(1, 10):
            send(customer, at + timedelta(days=day), requests=day, tokens=(900 + day * day * 37) * 1_000)
    session = log_in(alice).cookies["sessionid"].value
    with clock.travel_to(NOW):
        yield lambda page: page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])


def test_the_sum_opens_beside_the_line(page, enter):
    enter(page)
    page.goto(OVERVIEW)
    line = page.locator("#upcoming tr", has_text="AI tokens")
    line.get_by_text("Explain").click()
    expect(line.locator(".calc")).to_contain_text("tokens used")
    line.get_by_role("link", name=re.compile("^See the whole calculation")).click()
    expect(page.get_by_role("heading", name="AI tokens, explained", level=1)).to_be_visible()
    expect(page.get_by_role("table")).to_contain_text("On this line")


def test_without_a_script_a_link_leads_to_it(page_without_js, enter):
    page = page_without_js
    enter(page)
    page.goto(OVERVIEW)
    line = page.locator("#upcoming tr", has_text="Plus monthly fee")
    line.get_by_text("Explain").click()
    line.get_by_role("link", name=re.compile("^See the whole calculation")).click()
    expect(page.locator(".calc")).to_contain_text("31 of 31 days")


def test_the_projection_is_said_twice_and_the_same(page, enter):
    enter(page)
    page.goto(OVERVIEW)
    said = page.get_by_test_id("projected-total").inner_text()
    expect(page.locator("#upcoming tfoot")).to_contain_text(said)


def test_nobody_is_kept_out(page, enter):
    enter(page)
    dress(page)
    page.goto(OVERVIEW)
    page.locator("#upcoming").get_by_text("Explain").last.click()
    expect(page.locator("#upcoming .calc")).to_be_visible()
    assert problems(page) == []
    page.get_by_role("link", name=re.compile("^See the whole calculation")).last.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("explained")
    assert problems(page) == []
