"""The pages in a real browser: no rule of accessibility broken, nothing to scroll sideways, and no script needed."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES = {"runOnly": TAGS, "resultTypes": ["violations"]}
CONFIRMS = "4000000000003063"


def bank_of(api):
    """The address of a bank's page, and of a visit to the card page."""
    method = api.method(CONFIRMS)
    form = f"amount=123456&currency=usd&customer={method['customer']}&payment_method={method['id']}"
    intent = api.post("/v1/payment_intents", form)[1]["id"]
    back = f"return_url={api.processor.url}/pages/icon.svg"
    return api.post(f"/v1/payment_intents/{intent}/confirm", back)[1]["next_action"]["redirect_to_url"]["url"]


@pytest.fixture(params=[("light", 1280), ("dark", 320)], ids=str)
def page(request, browser):
    scheme, width = request.param
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    yield context.new_page()
    context.close()


def check(page):
    page.wait_for_load_state()
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "scrolls sideways"


def test_the_card_page_is_accessible_and_begins_with_what_is_wrong(api, page):
    url = api.session(cancel="https://portal.example/")["url"]
    page.goto(url)
    check(page)
    page.get_by_label("Card number").fill("4111111111111111")
    page.get_by_role("button", name="Save card").click()
    check(page)

    expect(page.locator(".summary")).to_be_focused()
    expect(page.get_by_label("Card number")).to_have_value("")
    page.get_by_role("link", name="Expiry date – This field is required.").click()
    expect(page.locator("#expiry")).to_be_focused()


def test_the_page_of_the_bank_is_accessible_and_leads_back(api, page):
    url = bank_of(api)
    page.goto(url)
    check(page)
    expect(page.get_by_text("1,234.56 USD")).to_be_visible()
    page.get_by_role("button", name="Confirm the payment").click()
    page.wait_for_url("**/pages/icon.svg?payment_intent=pi_*&redirect_status=succeeded")

    page.goto(url)
    check(page)
    expect(page.get_by_role("link", name="Go back")).to_be_visible()
