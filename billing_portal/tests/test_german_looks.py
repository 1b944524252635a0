"""Pages in German in a real browser: longer words break nothing, and nobody is kept out."""

import pytest
from django.conf import settings
from playwright.sync_api import expect

from billing_portal.tests.looks import problems_on
from billing_portal.tests.test_alerts import wonder  # noqa: F401 - a fixture
from invoices.tests.cast import open_invoice
from invoices.tests.credited import granted

pytestmark = pytest.mark.django_db(transaction=True)

PATHS = (
    "/settings/",
    "/settings/billing/usage/",
    "/settings/billing/usage/?step=hour&group=model",
    "/settings/billing/portal/notifications/",
    "/settings/billing/credits/buy/",
    "/settings/billing/credits/top-up/",
    "/settings/billing/clock/",
    "/settings/billing/portal/payment-methods/add/",
    "/settings/billing/portal/details/",
    "/settings/members/",
    "/settings/api-tokens/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
)


def speak_german(page, live_server):
    page.context.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": "de", "url": live_server.url}])


def test_nobody_is_kept_out_of_the_pages_in_german(page, wonder, alice, log_in, live_server):  # noqa: F811
    session = log_in(alice).cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    speak_german(page, live_server)

    assert problems_on(page, PATHS) == {}
    assert page.locator("html").get_attribute("lang") == "de"


def test_nobody_is_kept_out_of_the_entrance_in_german(page, live_server):
    speak_german(page, live_server)
    assert problems_on(page, ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/")) == {}


def test_the_language_is_switched_without_a_script(page_without_js):
    page = page_without_js
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Language: Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_role("heading", level=1)).to_have_text("Anmelden")
    page.get_by_role("button", name="Sprache: English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_nobody_is_kept_out_of_documents_and_credits_in_german(page, wonder, alice, at, log_in, live_server):  # noqa: F811
    granted(wonder, 5000, name="Willkommen")
    owed, drawn = open_invoice(wonder, 123456, at=at), open_invoice(wonder, 700, at=at)
    session = log_in(alice).cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    speak_german(page, live_server)
    paths = [
        *("/settings/billing/portal/", "/settings/billing/credits/", "/settings/billing/credits/verify/"),
        *(f"/settings/billing/invoices/{each.public_id}/" for each in (owed, drawn)),
    ]
    assert problems_on(page, paths) == {}
