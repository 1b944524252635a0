"""«Billing and Usage», «Change Plan» and «Subscribe» in a real browser: in every look, with a script and without."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from accounts.services.update_billing_profile import update_billing_profile
from billing_portal.chromium import dress
from billing_portal.tests.drawn import covered
from billing_portal.tests.looks import problems, problems_on
from billing_portal.tests.people import on_free, on_plus
from billing_portal.tests.test_overview import MIDDLE, URL
from billing_portal.tests.test_overview_panels import HOUR, budget, nobody_to_issue_it, used
from conftest import a_seller
from core import clock
from invoices.tests.test_browser import enter
from plans.tests.conftest import send

pytestmark = pytest.mark.django_db(transaction=True)

PLANS, UPGRADE = "/settings/billing/plan/", "/settings/billing/plan/plus/"
ESTIMATE = "/settings/billing/_/estimate/free/"


@pytest.fixture(autouse=True)
def _in_the_middle():
    with clock.travel_to(MIDDLE):
        yield


@pytest.fixture
def plus(customer, alice, seller, catalogue, at):
    """With tax, days that differ, and a budget."""
    on_plus(customer, alice, catalogue, at)
    update_billing_profile(customer_id=customer.pk, values={"country": "FR"}, at=at, actor=None)
    for day, millions in enumerate((1, 3, 2, 6, 2, 1, 4, 3, 2, 1, 2)):
        send(customer, at + timedelta(days=day, hours=1), tokens=millions * 1_000_000)
    budget(customer, 15_000, at)
    return customer


def test_nobody_is_kept_out(plus, alice, page, live_server, log_in):
    enter(page, live_server, log_in(alice))
    assert problems_on(page, [URL, ESTIMATE]) == {}
    page.goto(URL)
    page.get_by_text("Show as table").click()
    assert problems(page) == []
    page.goto(PLANS)
    expect(page.get_by_test_id("estimate")).to_have_count(2)
    assert problems(page) == []


def test_on_paper_the_chart_is_black_and_told_apart_by_its_dashes(plus, alice, page, live_server, log_in):
    enter(page, live_server, log_in(alice))
    dress(page, theme="dark")
    page.goto(URL)
    page.emulate_media(media="print")
    drawn = {
        name: page.locator(f".course .{name}").first.evaluate(
            "one => [getComputedStyle(one).stroke, getComputedStyle(one).strokeDasharray]"
        )
        for name in ("line", "ahead", "budget")
    }
    assert {colour for colour, _dashes in drawn.values()} == {"rgb(0, 0, 0)"}
    assert len({dashes for _colour, dashes in drawn.values()}) == 3
    page.evaluate("document.documentElement.dataset.theme = 'dark'")  # who chose it for the screen
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(20, 24, 31)"


def test_words_in_the_chart_lie_on_nothing(plus, alice, page, live_server, log_in):
    enter(page, live_server, log_in(alice))
    for width in (320, 1280):
        dress(page, width=width)
        page.goto(URL)
        assert page.locator(".course text:visible").count() >= 4
        assert covered(page) == []


def test_a_panel_that_failed_is_tried_again_in_its_place(plus, alice, page, live_server, log_in, console_errors):
    nobody_to_issue_it()
    enter(page, live_server, log_in(alice))
    page.goto(URL)
    failed = page.locator("#upcoming")
    expect(failed).to_contain_text("We couldn't load the upcoming invoice. Your billing is not affected.")
    assert problems(page) == []
    failed.get_by_role("link", name="Try again").click()
    expect(page.locator("#live")).to_contain_text("We couldn't load the upcoming invoice.")
    expect(failed.get_by_role("link", name="Try again")).to_be_focused()
    assert all("503" in console_errors.pop() for _ in range(len(console_errors)))
    a_seller()
    page.locator("#upcoming").get_by_role("link", name="Try again").click()
    expect(page.locator("#upcoming")).to_contain_text("Total so far")
    expect(page.locator("#live")).to_contain_text("Upcoming invoice updated")
    expect(page.locator("#upcoming").get_by_role("link", name="Refresh")).to_be_focused()


def test_without_a_script_everything_is_there(plus, alice, page_without_js, live_server, log_in):
    page = page_without_js
    enter(page, live_server, log_in(alice))
    page.goto(URL)
    expect(page.locator(".course svg").first).to_be_visible()
    page.get_by_text("Show as table").click()
    expect(page.get_by_role("cell", name="$58.80")).to_be_visible()
    page.get_by_role("link", name="Refresh upcoming invoice").click()
    expect(page.get_by_role("heading", name="Upcoming invoice")).to_be_visible()
    page.goto(PLANS)
    page.get_by_role("link", name="see the estimate for Plus").click()
    expect(page.get_by_role("heading", name="Your last 30 days on Plus")).to_be_visible()
    expect(page.get_by_test_id("estimate")).to_have_text("$103.00")


def test_on_a_phone_the_buttons_that_matter_are_there(
    customer, alice, seller, catalogue, at, page, live_server, log_in
):
    on_free(customer, alice, at)
    enter(page, live_server, log_in(alice))
    dress(page, "dark", 320)
    page.goto(PLANS)
    expect(page.get_by_role("link", name="Contact Sales about Enterprise")).to_be_visible()
    page.get_by_role("link", name="Upgrade to Plus").click()
    expect(page.get_by_role("button", name="Subscribe")).to_be_visible()


def test_tax_follows_what_is_typed(customer, alice, seller, catalogue, at, page, live_server, log_in):
    on_free(customer, alice, at)
    used(customer, at + HOUR, MIDDLE)
    enter(page, live_server, log_in(alice))
    page.goto(UPGRADE)
    expect(page.locator("#costs")).to_contain_text("by your country")
    page.get_by_label("Country").select_option("FR")
    expect(page.locator("#costs")).to_contain_text("VAT 20 % of $49.00")
    expect(page.locator("#live")).to_contain_text("If you use nothing: $58.80 per month")
    page.get_by_label("Country").select_option("DE")
    expect(page.locator("#costs")).not_to_contain_text("VAT 20 %")
    page.get_by_label("Tax ID").fill("DE136695976")
    page.get_by_label("Purchase order number").focus()
    expect(page.locator("#tax-hint")).to_have_text("Valid VAT number (Germany). Reverse charge: 0 % VAT.")
    expect(page.get_by_label("Purchase order number")).to_be_focused()
    expect(page.get_by_test_id("like")).to_have_text("$71.00")
    assert problems(page) == []
