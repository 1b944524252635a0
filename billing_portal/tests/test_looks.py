"""The style guide in a real browser: accessible in every theme and width, and usable without a script."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.urls("billing_portal.tests.style_urls"), pytest.mark.django_db(transaction=True)]

WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
PATHS = ("/styleguide/?message=1", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/nope/")


def complaints(page: Page) -> list[str]:
    """What axe finds, one line per element."""
    found = Axe().run(page, options=WCAG).response
    assert found["passes"], "axe looked at nothing"
    return [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_nobody_is_kept_out(page: Page, console_errors: list[str], theme: str, width: int) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 800})
    for path in PATHS:
        page.goto(path)
        assert complaints(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} scrolls sideways"
    assert all("404" in console_errors.pop() for _ in range(len(console_errors)))


def test_nobody_is_kept_out_of_an_open_menu(page: Page) -> None:
    page.goto("/styleguide/")
    page.get_by_role("button", name="Actions for Visa ending 4242").click()
    expect(page.get_by_role("button", name="Make default").first).to_be_visible()
    assert complaints(page) == []


def test_a_row_menu_opens_without_a_script(page_without_js: Page) -> None:
    page_without_js.goto("/styleguide/")
    menu = page_without_js.locator("#m1")
    expect(menu).to_be_hidden()
    page_without_js.get_by_role("button", name="Actions for Visa ending 4242").click()
    expect(menu).to_be_visible()
    page_without_js.keyboard.press("Escape")
    expect(menu).to_be_hidden()


def test_the_theme_is_switched_without_a_script(page_without_js: Page) -> None:
    page_without_js.goto("/styleguide/")
    page_without_js.get_by_role("button", name="Theme: Dark").click()
    expect(page_without_js.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page_without_js.locator("body")).to_have_css("background-color", "rgb(15, 19, 25)")


def test_the_focus_goes_to_what_is_wrong(page: Page) -> None:
    page.goto("/accounts/signup/")
    page.get_by_role("button", name="Sign up").click()
    expect(page.locator(".summary")).to_be_focused()
    page.get_by_role("link", name="Company name").click()
    expect(page.get_by_label("Company name")).to_be_focused()


def test_a_form_is_sent_once(page: Page) -> None:
    page.goto("/styleguide/")
    page.evaluate(
        "document.addEventListener('submit', event => { event.preventDefault(); window.sent = (window.sent || 0) + 1 })"
    )
    button = page.locator("[data-once]")
    button.click()
    expect(button).to_have_text("Subscribing…")
    button.click(force=True)
    assert page.evaluate("window.sent") == 1
    expect(page.locator("#live")).to_have_text("Subscribing…")


def test_the_skip_link_comes_first(page: Page) -> None:
    page.goto("/accounts/login/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_printed_there_is_nothing_to_press(page: Page) -> None:
    page.goto("/styleguide/")
    page.emulate_media(media="print")
    expect(page.locator(".topbar")).to_be_hidden()
    expect(page.get_by_role("button", name="Confirm Downgrade")).to_be_hidden()
    expect(page.get_by_role("table").first).to_be_visible()
