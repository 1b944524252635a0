"""The pages of this room in a real browser: the way of a card with and without JavaScript, and axe."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import expect

from accounts.tests.cards import MASTERCARD, VISA, add_card, visit
from core.clock import now

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}


def as_user(page, log_in, user):
    """The browser gets the session of a test client that is logged in."""
    cookie = log_in(user).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "domain": "localhost", "path": "/"}])
    return page


def add_by_hand(page, number):
    page.get_by_role("link", name="Add a payment method").first.click()
    page.get_by_role("button", name="Continue to secure card page").click()
    page.get_by_label("Card number").fill(number)
    page.get_by_label("Expiry date").fill("04 / 30")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name="Save card").click()


def walk_a_card(page):
    """Add two cards, make the first the default again, delete the other."""
    page.goto(reverse("portal"))
    add_by_hand(page, VISA)
    expect(page.get_by_text("Visa ending 4242 added and set as default.")).to_be_visible()
    add_by_hand(page, MASTERCARD)
    expect(page.get_by_text("Mastercard ending 4444 added and set as default.")).to_be_visible()
    page.get_by_role("button", name="Actions for Visa ending 4242").click()
    page.get_by_role("button", name="Make default").click()
    visa = page.get_by_role("row").filter(has_text="Visa ending 4242")
    visa.get_by_text("Default", exact=True).wait_for()
    page.get_by_role("button", name="Actions for Mastercard ending 4444").click()
    page.get_by_role("link", name="Delete Mastercard ending 4444").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("Mastercard ending 4444 deleted.").wait_for()
    expect(page.get_by_role("row").filter(has_text="Mastercard")).to_have_count(0)


@pytest.mark.django_db(transaction=True)
def test_it_walks_a_card_in_a_browser(page, log_in, alice, customer, seller, catalogue):
    walk_a_card(as_user(page, log_in, alice))


@pytest.mark.django_db(transaction=True)
def test_it_walks_a_card_without_javascript(page_without_js, log_in, alice, customer, seller, catalogue):
    walk_a_card(as_user(page_without_js, log_in, alice))


@pytest.mark.django_db(transaction=True)
def test_it_moves_the_focus_and_says_what_happened_after_a_swap(page, log_in, alice, customer, seller, catalogue):
    for number in (VISA, MASTERCARD):
        add_card(customer, alice, now(), number)
    as_user(page, log_in, alice).goto(reverse("portal"))
    page.get_by_role("button", name="Actions for Mastercard ending 4444").click()
    page.get_by_role("button", name="Make default").click()
    page.locator("#live", has_text="Mastercard ending 4444 is now the default.").wait_for(state="attached")

    expect(page.get_by_role("button", name="Actions for Mastercard ending 4444")).to_be_focused()
    assert page.url.endswith(reverse("portal"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 320)])
def test_it_is_accessible(scheme, width, page, log_in, alice, bob, dora, customer, seller, catalogue):
    method = add_card(customer, alice, now())
    setup = visit(customer, alice, now())
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # a page that still fades in has no contrast
    page.set_viewport_size({"width": width, "height": 900})
    as_user(page, log_in, alice)
    paths = [reverse(name) for name in ("settings", "billing_details", "members", "api_tokens", "pm_add")]
    paths += [reverse("pm_delete", args=[method.key]), f"{settings.SANDBOX_URL}/c/{setup.gateway_id}"]
    for path in paths:
        page.goto(path)
        check(page, f"{path} {scheme} {width}")
        if page.locator("main form button.primary").count():
            with page.expect_navigation():
                page.locator("main form button.primary").first.click()
            check(page, f"{path} posted {scheme} {width}")


def check(page, where):
    """No rule broken, and nothing to scroll sideways."""
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, f"{where}: {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{where} scrolls sideways"
