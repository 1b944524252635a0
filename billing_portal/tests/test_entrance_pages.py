"""The pages before and around the portal: what they say, where they lead, and what one hears of one's own account."""

import re
from datetime import datetime
from urllib.parse import urlencode

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.mail import write_notice
from accounts.models import Customer, Notice, User
from billing_portal.tests.test_entrance import sign_up
from conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_earlier_attempts() -> None:
    """Attempts and mails are counted in the cache, which outlives a test."""
    cache.clear()


# --- where one was going ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("/settings/billing/portal/payment-methods/add/", "Log in to add a payment method."),
        ("/settings/billing/plan/plus/", "Log in to change your plan."),
        ("/settings/billing/plan/cancel/", "Log in to cancel your plan."),
        ("/settings/billing/portal/details/?next=/x", "Log in to change the billing details."),
        ("/settings/billing/invoices/inv_01/invoice.pdf", "Log in to download the document."),
        ("/admin/", "Log in to open the staff site."),
    ],
)
def test_the_log_in_says_what_one_was_about_to_do(client: Client, page: str, said: str) -> None:
    assert f"<p>{said}</p>" in client.get(f"/accounts/login/?{urlencode({'next': page})}").content.decode()


def test_it_still_says_so_after_a_wrong_password(client: Client, alice: User) -> None:
    sent = {"login": alice.email, "password": "wrong", "next": "/settings/billing/portal/"}
    assert "Log in to open the billing portal." in client.post("/accounts/login/", sent).content.decode()


def test_a_stranger_does_not_learn_whether_there_is_such_an_invoice(
    client: Client, django_assert_num_queries: CaptureQueriesContext
) -> None:
    """The address alone says it: the database is asked nothing."""
    with django_assert_num_queries(0):  # type: ignore[operator]
        page = client.get("/accounts/login/?next=/settings/billing/invoices/inv_01/").content.decode()
    assert "Log in to view the invoice." in page


@pytest.mark.parametrize("page", ["", "//elsewhere.example/settings/", "https://elsewhere.example/", "/no/such/page/"])
def test_it_says_nothing_of_what_is_not_ours(client: Client, page: str) -> None:
    assert "Log in to" not in client.get("/accounts/login/", {"next": page}).content.decode()


def test_signing_up_leads_on_even_where_the_link_is_opened_in_another_browser(
    client: Client, at: datetime, catalogue: object
) -> None:
    sign_up(client, at, next="/settings/billing/plan/")
    link = re.search(r"http://testserver(/accounts/confirm-email/\S+)", str(mail.outbox[0].body))
    assert link
    other = Client()
    page = other.get(link[1]).content.decode()
    assert 'name="next" value="/settings/billing/plan/"' in page
    sent = other.post(link[1].partition("?")[0], {"next": "/settings/billing/plan/"})
    assert sent["Location"] == "/settings/billing/plan/"


def test_a_forgotten_password_leads_on_to_where_one_was_going(client: Client, alice: User, customer: Customer) -> None:
    verify(alice)
    login = client.get("/accounts/login/?next=/settings/billing/portal/").content.decode()
    assert 'href="/accounts/password/reset/?next=%2Fsettings%2Fbilling%2Fportal%2F"' in login
    page = client.get("/accounts/password/reset/?next=/settings/billing/portal/").content.decode()
    assert 'name="then" value="/settings/billing/portal/"' in page

    sent = client.post("/accounts/password/reset/", {"email": alice.email, "then": "/settings/billing/portal/"})
    assert sent["Location"] == "/accounts/password/reset/done/"
    link = re.search(r"http://testserver(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
    assert link
    form = client.get(link[1])["Location"]
    assert 'name="next" value="/settings/billing/portal/"' in client.get(form).content.decode()
    new = {"password1": "another-long-phrase-1", "password2": "another-long-phrase-1"}
    changed = client.post(form.partition("?")[0], new | {"next": "/settings/billing/portal/"})
    assert changed["Location"] == "/settings/billing/portal/"


def test_a_new_password_never_leads_elsewhere(client: Client, alice: User) -> None:
    verify(alice)
    client.post("/accounts/password/reset/", {"email": alice.email, "then": "https://elsewhere.example/"})
    assert "elsewhere" not in str(mail.outbox[0].body)


def test_the_second_factor_leads_on_to_where_one_was_going(client: Client, alice: User, customer: Customer) -> None:
    codes = with_second_factor(alice)
    log_in(client, alice, next="/settings/billing/portal/")
    answer = client.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert answer["Location"] == "/settings/billing/portal/"


# --- the words and the fields of these pages --------------------------------------------------------------------------

OUTSIDE = [
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/1-abc-def/",
    "/accounts/confirm-email/",
    "/accounts/confirm-email/abc/",
    "/accounts/inactive/",
]
INSIDE = [
    "/accounts/logout/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/2fa/totp/deactivate/",
    "/accounts/2fa/recovery-codes/",
    "/accounts/2fa/recovery-codes/generate/",
    "/accounts/2fa/reauthenticate/",
    "/accounts/reauthenticate/",
]


@pytest.fixture
def pages(client: Client, alice: User, customer: Customer) -> dict[str, str]:
    """Every page of somebody's own account with what stands in it, without what frames it; in German."""
    client.cookies["django_language"] = "de"
    found = {path: client.get(path).content.decode() for path in OUTSIDE}
    with_second_factor(alice)
    log_in(client, alice)
    found["/accounts/2fa/authenticate/"] = client.get("/accounts/2fa/authenticate/").content.decode()
    client.force_login(alice)
    found |= {path: client.get(path).content.decode() for path in INSIDE if "activate" not in path}
    Authenticator.objects.all().delete()
    found |= {"/accounts/2fa/totp/activate/": client.get("/accounts/2fa/totp/activate/").content.decode()}
    return found


def test_they_say_sie_as_the_rest_of_the_portal(pages: dict[str, str]) -> None:
    familiar = re.compile(r"\b(?:du|dich|dir|dein\w*|bist|hast|gib|bestätige|lass)\b", re.IGNORECASE)
    assert {path: familiar.findall(text) for path, text in pages.items() if familiar.search(text)} == {}


def test_their_title_is_their_heading(pages: dict[str, str]) -> None:
    for path, page in pages.items():
        title, heading = re.search(r"<title>\s*([^–]*?) –", page), re.search(r"<h1>\s*(.*?)\s*</h1>", page)
        assert title, path
        assert heading, path
        assert title[1] == heading[1], path


def test_every_field_says_what_a_password_manager_may_fill_in(pages: dict[str, str]) -> None:
    """And none of them keeps anybody from pasting."""
    expected = {
        "login": "username",
        "email": "email",
        "password": "current-password",
        "oldpassword": "current-password",
        "password1": "new-password",
        "password2": "new-password",
        "code": "one-time-code",
        "company_name": "organization",
    }
    seen = set()
    for page in pages.values():
        assert "onpaste" not in page
        for field in re.findall(r'<input type="(?:text|email|password)"[^>]*>', page):
            name = re.search(r' name="(\w+)"', field)
            if name:
                seen.add(name[1])
                assert f' autocomplete="{expected[name[1]]}"' in field
    assert seen == expected.keys()


def test_too_many_attempts_are_told_on_a_page_of_ours(client: Client) -> None:
    for _ in range(30):
        answer = client.post("/accounts/password/reset/", {"email": "nobody@example.com"})
    assert answer.status_code == 429
    assert "Wait a few minutes and try again." in answer.content.decode()
    assert "Skip to content" in answer.content.decode()


# --- what one hears of one's own account ------------------------------------------------------------------------------


def told() -> list[str]:
    return [str(write_notice(notice).subject) for notice in Notice.objects.order_by("pk")]


def test_logging_in_with_a_new_browser_is_told_once(client: Client, alice: User, customer: Customer) -> None:
    verify(alice)
    log_in(client, alice)
    assert told() == ["New log-in"]
    client.get("/settings/billing/portal/details/")
    client.post("/accounts/logout/")
    log_in(client, alice)
    assert told() == ["New log-in"]
    log_in(Client(headers={"User-Agent": "Another/1.0"}), alice)
    assert told() == ["New log-in"] * 2
    message = write_notice(Notice.objects.latest("pk"))
    assert "Browser: Another/1.0" in message.text
    assert "Internet address: 127.0.0.1" in message.text
    assert Notice.objects.latest("pk").to == ["alice@example.com"]


def test_a_browser_that_somebody_else_used_is_new(client: Client, alice: User, bob: User) -> None:
    for user in (alice, bob):
        verify(user)
        log_in(client, user)
        client.get("/settings/billing/portal/details/")
        client.post("/accounts/logout/")
    assert [notice.to for notice in Notice.objects.order_by("pk")] == [["alice@example.com"], ["bob@example.com"]]


def test_who_has_just_signed_up_hears_of_no_new_browser(client: Client, at: datetime, catalogue: object) -> None:
    sign_up(client, at)
    link = re.search(r"http://testserver(/accounts/confirm-email/\S+)", str(mail.outbox[0].body))
    assert link
    client.post(link[1])
    assert "_auth_user_id" in client.session
    assert told() == []


def test_a_changed_password_is_told_in_the_language_of_the_page(client: Client, alice: User) -> None:
    client.force_login(alice)
    client.cookies["django_language"] = "de"
    new = "another-long-phrase-1"
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert told() == ["Passwort geändert"]
    assert "Wenn Sie das nicht waren" in write_notice(Notice.objects.get()).text


def test_a_second_factor_that_is_taken_away_is_told(client: Client, alice: User) -> None:
    with_second_factor(alice)
    client.force_login(alice)
    client.post("/accounts/2fa/totp/deactivate/")
    assert told() == ["Two-factor authentication deactivated"]


def verify(user: User) -> None:
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})


def with_second_factor(user: User) -> list[str]:
    """Their recovery codes."""
    verify(user)
    TOTP.activate(user, "JBSWY3DPEHPK3PXP")
    codes: list[str] = RecoveryCodes.activate(user).get_unused_codes()
    return codes


def log_in(client: Client, user: User, **values: str) -> None:
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD} | values)
