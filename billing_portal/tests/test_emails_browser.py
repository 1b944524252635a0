"""The messages in a real browser: nobody is kept out, and nothing is wider than a telephone."""

from playwright.sync_api import Page, expect

from accounts.mail import write
from billing_portal.pages.styleguide_emails import ACCOUNT, samples, templates
from billing_portal.tests.looks import complaints


def test_its_messages_keep_nobody_out_on_a_telephone(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    for template in templates():
        [first, *_] = samples(template).values()
        page.set_content(write(template, first).html)

        assert page.evaluate("document.documentElement.scrollWidth") <= 320, template
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert complaints(page) == [], f"{template} {theme}"


def test_nor_do_those_about_ones_own_account(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    for name in ACCOUNT:
        page.goto(f"/styleguide/emails/{name}/0/html/")

        assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert complaints(page) == [], f"{name} {theme}"


def test_the_style_guide_of_messages_keeps_nobody_out(page: Page) -> None:
    for path in ("/styleguide/emails/", "/styleguide/emails/invoice_issued/0/"):
        page.goto(path)

        assert complaints(page) == [], path
    expect(page.frame_locator("iframe.mail").get_by_role("link", name="View the invoice")).to_be_visible()
