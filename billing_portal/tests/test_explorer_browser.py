"""The usage explorer in a real browser: for everybody, and with and without a script."""

import re

import pytest
from playwright.sync_api import expect

from billing_portal.tests.looks import complaints
from billing_portal.tests.test_explorer import NOW, requests, wonder  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)

USAGE = "/settings/billing/usage/"
STATES = {
    "running": "",
    "grouped": "?group=route",
    "hours": "?period=2026-10-20T10:00:00Z&step=hour&meter=ai-tokens",
    "nothing": "?period=custom&since=2026-09-01&until=2026-09-02",
    "refused": "?period=custom&since=2026-09-01&until=2026-11-20&step=hour",
}


@pytest.fixture
def enter(wonder, alice, log_in, live_server):  # noqa: F811
    for number in range(25):
        requests(wonder, NOW.replace(day=22), 1 + number % 7, route=f"/v1/resources/{number:02}/with-a-long-path")
    session = log_in(alice).cookies["sessionid"].value
    return lambda page: page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_nobody_is_kept_out(page, enter, theme, width):
    enter(page)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 800})
    for state, query in STATES.items():
        page.goto(USAGE + query)
        assert complaints(page) == [], state
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{state} scrolls sideways"


def test_a_choice_shows_at_once_is_announced_and_stands_in_the_address(page, enter):
    enter(page)
    page.goto(USAGE)
    page.get_by_label("Meter").select_option("ai-tokens")
    expect(page.get_by_role("heading", name="AI tokens, 17 Nov")).to_be_visible()
    expect(page.locator("#live")).to_have_text("8 days, 900,000 tokens, $1.80")
    expect(page).to_have_url(re.compile("meter=ai-tokens"))
    page.get_by_label("Usage window").select_option(label="Custom dates")
    expect(page.get_by_label("From")).to_be_visible()
    assert complaints(page) == []
    page.reload()
    expect(page.get_by_role("heading", name="AI tokens, 26 Oct")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="AI tokens, 17 Nov")).to_be_visible()


def test_without_a_script_a_button_shows_it(page_without_js, enter):
    page = page_without_js
    enter(page)
    page.goto(USAGE)
    page.get_by_label("Group by").select_option("route")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="By route")).to_be_visible()
    expect(page.get_by_role("row", name="Other (7)")).to_be_visible()
    page.get_by_text("Show as table").click()
    expect(page.get_by_role("table", name="API requests by UTC day")).to_be_visible()
