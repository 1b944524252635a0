"""Recipients and alerts in a real browser: for everybody, and without a script."""

import pytest
from playwright.sync_api import expect

from billing_portal.tests.looks import complaints
from billing_portal.tests.test_alerts import CHOSEN, URL, wonder  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def enter(wonder, alice, bob, log_in, live_server):  # noqa: F811
    log_in(alice).post(URL, CHOSEN)

    def enter(page, user=alice):
        session = log_in(user).cookies["sessionid"].value
        page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])

    return enter


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_nobody_is_kept_out(page, enter, bob, theme, width):
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 800})
    enter(page)
    page.goto(URL)
    page.get_by_label("Amount per usage window").fill("0")
    for state in ("as it is", "refused"):
        assert complaints(page) == [], state
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{state} scrolls sideways"
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".summary")).to_be_focused()
    enter(page, bob)
    page.goto(URL)
    assert complaints(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_a_script_it_is_saved(page_without_js, enter):
    page = page_without_js
    enter(page)
    page.goto(URL)
    page.get_by_label("Amount per usage window").fill("60")
    page.get_by_role("group", name="Notify me at").first.get_by_label("100 %").check()
    page.get_by_label("Credits expire soon").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("$53.40 spent: 89 % of your budget of $60.00")).to_be_visible()
    expect(page.get_by_label("Credits expire soon")).not_to_be_checked()
