"""Staff and their second factor, in a real browser: set up on the way in, asked for from then on."""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.urls import reverse
from playwright.sync_api import Page, expect

from billing_portal.chromium import dress
from billing_portal.tests.looks import problems

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _required(settings):
    settings.STAFF_MFA_REQUIRED = True


@pytest.fixture
def verified(clerk):
    EmailAddress.objects.create(user=clerk, email=clerk.email, verified=True, primary=True)
    return clerk


def log_in_at(page: Page, path: str, email: str) -> None:
    page.goto(path)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill("correct-horse-battery")
    page.get_by_role("button", name="Log in").click()


def digits(secret: str) -> str:
    """As an authenticator shows them: those of this half minute, which count in the one before and after as well."""
    _before, now, _after = yield_hotp_counters_from_time()
    return str(format_hotp_value(hotp_value(secret, now)))


def walk(page: Page, email: str) -> None:
    log_in_at(page, reverse("admin:billing"), email)
    expect(page.get_by_role("heading", name="Set up two-factor authentication")).to_be_visible()
    secret = page.get_by_label("Secret").input_value()
    page.get_by_label("Authenticator code").fill(digits(secret))
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_label("Unused codes")).to_have_value(re.compile(r"^\S+(\s+\S+){9}\s*$"))
    page.get_by_role("link", name="Go on to the staff site").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Metering & Billing")


def test_staff_set_up_a_second_factor_on_their_way_in(page, verified, catalogue, seller):
    walk(page, verified.email)


def test_it_takes_no_script(page_without_js, verified, catalogue, seller):
    walk(page_without_js, verified.email)


def test_the_password_alone_opens_nothing_from_then_on(page, verified, catalogue, seller):
    walk(page, verified.email)
    page.context.clear_cookies()
    log_in_at(page, reverse("admin:billing"), verified.email)
    for _ in ("after the log-in", "and however one comes"):
        expect(page.get_by_role("heading", name="Two-Factor Authentication")).to_be_visible()
        page.goto(reverse("admin:billing"))


def test_the_pages_keep_nobody_out(page, verified, catalogue, seller):
    dress(page)
    log_in_at(page, reverse("admin:billing"), verified.email)
    assert problems(page) == []
    secret = page.get_by_label("Secret").input_value()
    page.get_by_label("Authenticator code").fill(digits(secret))
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_label("Unused codes")).to_be_visible()
    assert problems(page) == []
