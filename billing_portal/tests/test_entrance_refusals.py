"""What allauth's forms refuse: 422 and the reason on the same page, as everywhere else in the portal."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import allauth.urls
import pytest
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from accounts.models import Customer, User
from conftest import PASSWORD

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

pytestmark = pytest.mark.django_db

AJAX = {"X-Requested-With": "XMLHttpRequest"}


@pytest.fixture(autouse=True)
def verified(alice: User, customer: Customer) -> None:
    """Attempts are counted in the cache, which outlives a test."""
    cache.clear()
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)


def stranger(client: Client, alice: User) -> None:
    """Nobody is logged in."""


def logged_in(client: Client, alice: User) -> None:
    client.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    assert "_auth_user_id" in client.session


def with_second_factor(client: Client, alice: User) -> None:
    logged_in(client, alice)
    TOTP.activate(alice, generate_totp_secret())


def with_spare_codes(client: Client, alice: User) -> None:
    """Codes without a second factor: new ones may not be made."""
    logged_in(client, alice)
    RecoveryCodes.activate(alice)


def half_way_in(client: Client, alice: User) -> None:
    TOTP.activate(alice, generate_totp_secret())
    answer = client.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    assert answer["Location"] == reverse("mfa_authenticate")


def without_password(client: Client, alice: User) -> None:
    alice.set_unusable_password()
    alice.save()
    client.force_login(alice)


@dataclass(frozen=True)
class Refused:
    """A form's page, what is typed there, what the answer says, and who types it."""

    page: str
    typed: dict[str, str]
    said: str
    who: Callable[[Client, User], None] = stranger
    args: Callable[[User], list[Any]] = field(default=lambda alice: [])


def of_a_link(alice: User) -> list[Any]:
    return [user_pk_to_url_str(alice), "set-password"]


def link_opened(client: Client, alice: User) -> None:
    key = default_token_generator.make_token(alice)
    client.get(reverse("account_reset_password_from_key", args=[user_pk_to_url_str(alice), key]))


TWICE = {"password1": "a-long-pass-phrase", "password2": "another-pass-phrase"}
SAME_TWICE = "You must type the same password each time."
WRONG_CODE = "Incorrect code."
FORMS = [
    Refused("account_login", {"login": "alice@example.com", "password": "not-hers"}, "E-mail address or password is"),
    Refused("account_signup", {"company_name": "", "email": "nina@example.com", "password1": "x"}, "id_company_name"),
    Refused("account_reset_password", {"email": "no address"}, "Enter a valid email address."),
    Refused("account_reset_password_from_key", TWICE, SAME_TWICE, link_opened, of_a_link),
    Refused("account_reauthenticate", {"password": "not-hers"}, "This password is wrong.", logged_in),
    Refused("account_email", {"email": "no address", "action_add": ""}, "Enter a valid email address.", logged_in),
    Refused("account_change_password", {"oldpassword": "not-hers"} | TWICE, "not your current password.", logged_in),
    Refused("account_set_password", TWICE, SAME_TWICE, without_password),
    Refused("mfa_activate_totp", {"code": "000"}, WRONG_CODE, logged_in),
    Refused("mfa_authenticate", {"code": "000"}, WRONG_CODE, half_way_in),
    Refused("mfa_reauthenticate", {"code": "000"}, WRONG_CODE, with_second_factor),
    Refused("mfa_generate_recovery_codes", {}, "cannot generate recovery codes", with_spare_codes),
]
# They have nothing to fill in, or (the log-in by code) are switched off.
FIELDLESS = {
    *("account_logout", "account_inactive", "account_confirm_email", "account_email_verification_sent"),
    *("account_reset_password_done", "account_reset_password_from_key_done", "account_confirm_login_code"),
    *("mfa_index", "mfa_view_recovery_codes", "mfa_download_recovery_codes", "mfa_deactivate_totp"),
}


def names(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns)
        else:
            yield str(pattern.name)


def test_every_page_of_allauth_is_here() -> None:
    assert {form.page for form in FORMS} | FIELDLESS == set(names(allauth.urls.urlpatterns))


def send(client: Client, alice: User, form: Refused, **more: Any) -> "Answer":
    form.who(client, alice)
    return client.post(reverse(form.page, args=form.args(alice)), form.typed, **more)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.page)
def test_it_is_refused_on_its_own_page(client: Client, alice: User, form: Refused) -> None:
    answer = send(client, alice, form)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "<title>Error: " in page
    assert "There is a problem" in page
    assert form.said in page


def test_programs_hear_it_as_allauth_tells_them(client: Client, alice: User) -> None:
    assert send(client, alice, FORMS[0], headers=AJAX).status_code == 400


def test_nothing_is_refused_before_it_is_sent(client: Client, alice: User) -> None:
    for form in FORMS[:3]:
        assert client.get(reverse(form.page)).status_code == 200


def test_what_is_right_leads_on(client: Client, alice: User) -> None:
    right = {"login": alice.email, "password": PASSWORD}
    assert client.post(reverse("account_login"), right).status_code == 302


def test_too_many_attempts_are_told_as_before(client: Client, alice: User) -> None:
    codes = {send(client, alice, FORMS[0]).status_code for _ in range(3)}
    codes |= {client.post(reverse("account_reset_password"), {"email": alice.email}).status_code for _ in range(30)}
    assert codes == {422, 302, 429}
