"""The style guide in a real browser: accessible in every theme and width, and usable without a script."""

import pytest
from playwright.sync_api import Page, expect

from billing_portal.chromium import dress
from billing_portal.tests.looks import EVERY, complaints, problems, problems_on

pytestmark = [pytest.mark.urls("billing_portal.tests.style_urls"), pytest.mark.django_db(transaction=True)]

# Of its words some can't be read in one theme, some on one width; a picture has no name, and something is too wide.
UNREADABLE = """<!doctype html><html lang="en"><title>Out</title><style>
    :root { color-scheme: light dark; background: light-dark(#fff, #111); color: light-dark(#111, #eee); }
    #light { color: light-dark(#ccc, #fff); }
    #dark { color: light-dark(#000, #333); }
    #dark::before { content: ""; position: absolute; inset: 0; background: #fff; opacity: 0; }
    #dark { position: relative; }
    @media (max-width: 40rem) { #narrow { color: #777; background: #888; } }
    div { width: 700px; }
</style><main><h1>Out</h1><p id="light">Light</p><p id="dark">Dark</p><p id="narrow">Narrow</p><img src="data:,">
<div>Wide</div></main>"""

PATHS = ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/nope/")


def test_who_is_kept_out_is_told_in_every_look(page: Page) -> None:
    light, dark, narrow = (
        f'color-contrast: <p id="{name}">{name.capitalize()}</p>' for name in ("light", "dark", "narrow")
    )
    nameless, wide = 'image-alt: <img src="data:,">', "scrolls sideways"
    for _document in range(2):  # axe is sent with the first one
        page.goto("about:blank")
        page.set_content(UNREADABLE)
        assert problems(page, EVERY) == [
            *(f"light 1280: {one}" for one in (light, nameless)),
            f"dark 1280: {dark}",
            *(f"dark 320: {one}" for one in (dark, narrow, nameless, wide)),
            *(f"light 320: {one}" for one in (light, narrow, wide)),
        ]


def test_a_rule_that_breaks_while_it_is_asked_is_not_taken_for_one_that_is_kept(page: Page) -> None:
    page.set_content(UNREADABLE)
    assert len(complaints(page)) == 2
    page.evaluate("axe.configure({checks: [{id: 'color-contrast', options: {}}]})")
    assert any("Skipping color-contrast rule" in one for one in complaints(page))


def test_nobody_is_kept_out(page: Page, console_errors: list[str]) -> None:
    assert problems_on(page, PATHS) == {}
    assert all("404" in console_errors.pop() for _ in range(len(console_errors)))


def test_nobody_is_kept_out_of_any_component_in_any_look(page: Page) -> None:
    dress(page)
    page.goto("/styleguide/?message=1")
    assert problems(page, [("light", 320), ("light", 1280), ("dark", 320), ("dark", 1280)]) == []


# What readers may force on a page (WCAG 2.2, 1.4.12), and how it lies where people read from right to left.
SPACED = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }"
FORCED = {
    "spaced": f"""() => {{ const own = new CSSStyleSheet(); own.replaceSync(`{SPACED}`);
                  document.adoptedStyleSheets = [own]; }}""",
    "right to left": "() => { document.documentElement.dir = 'rtl'; }",
}


@pytest.mark.parametrize("forced", FORCED)
def test_no_component_scrolls_sideways_however_it_is_read(page: Page, forced: str) -> None:
    page.goto("/styleguide/?message=1")
    before = page.locator("main").screenshot()
    page.evaluate(FORCED[forced])
    assert page.locator("main").screenshot() != before  # it has been forced on it
    for width in (320, 1280):
        dress(page, "light", width)
        assert page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]") == [width, width]


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
