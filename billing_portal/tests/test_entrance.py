"""Signing up and logging in."""

import re
from datetime import datetime

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import BillingProfile, Customer, Membership, Role, UsageSubject, User
from core import clock
from plans.selectors import current_subscription

pytestmark = [pytest.mark.urls("billing_portal.tests.style_urls"), pytest.mark.django_db]

NEWCOMER = {"company_name": "Newcomer Inc", "email": "Nina@Example.com", "password1": "a-long-pass-phrase"}


@pytest.fixture(autouse=True)
def no_earlier_attempts() -> None:
    """Attempts and mails are counted in the cache, which outlives a test."""
    cache.clear()


def sign_up(client: Client, at: datetime, **changes: str) -> object:
    with clock.travel_to(at):
        return client.post("/accounts/signup/", NEWCOMER | changes)


@pytest.mark.usefixtures("catalogue")
def test_signing_up_opens_a_customer_on_the_default_plan(client: Client, at: datetime) -> None:
    sign_up(client, at)
    customer = Customer.objects.get(name="Newcomer Inc")
    membership = Membership.objects.get(customer=customer)
    subscription = current_subscription(customer.pk)
    assert subscription
    assert membership.user.email == "nina@example.com"
    assert membership.role == Role.BILLING_ADMIN
    assert BillingProfile.objects.get(customer=customer).recipients == ["nina@example.com"]
    assert UsageSubject.objects.get(customer=customer).subject == customer.key
    assert subscription.plan.key == "free"
    assert subscription.starts_at == at


@pytest.mark.usefixtures("catalogue")
def test_who_signs_up_in_german_gets_german_mail_and_documents(client: Client, at: datetime) -> None:
    client.cookies["django_language"] = "de"
    sign_up(client, at)

    assert BillingProfile.objects.get(customer__name="Newcomer Inc").language == "de"
    assert mail.outbox[0].subject == "Bestätigen Sie Ihre E-Mail-Adresse"
    assert "mit dieser Adresse wurde ein Konto" in mail.outbox[0].body


@pytest.mark.usefixtures("catalogue")
def test_the_address_is_confirmed_before_anybody_is_let_in(client: Client, at: datetime) -> None:
    sign_up(client, at)
    assert "_auth_user_id" not in client.session
    (message,) = mail.outbox
    assert message.subject == "Confirm your e-mail address"
    link = re.search(r"http://testserver(/accounts/confirm-email/\S+)", str(message.body))
    assert link
    page = client.get(link[1])
    assert "Confirm" in page.content.decode()
    assert client.post(link[1]).status_code == 302
    assert "_auth_user_id" in client.session


def test_without_a_plan_to_open_nobody_is_half_signed_up(client: Client, at: datetime) -> None:
    client.raise_request_exception = False
    response = sign_up(client, at)
    assert response.status_code >= 400  # type: ignore[attr-defined]
    assert not User.objects.exists()
    assert not Customer.objects.exists()


@pytest.mark.usefixtures("catalogue")
def test_a_known_address_tells_nobody_that_it_is_known(client: Client, at: datetime, alice: User) -> None:
    known = sign_up(client, at, email=alice.email)
    assert known.status_code == 302  # type: ignore[attr-defined]
    assert not Customer.objects.filter(name="Newcomer Inc").exists()
    assert "There is an account with it already" in str(mail.outbox[-1].body)


@pytest.mark.parametrize("missing", ["company_name", "email", "password1"])
def test_a_missing_field_is_named_and_nothing_is_kept(client: Client, at: datetime, missing: str) -> None:
    response = sign_up(client, at, **{missing: ""})
    page = response.content.decode()  # type: ignore[attr-defined]
    assert "There is a problem" in page
    assert f'href="#id_{missing}"' in page
    assert "<title>Error: Sign up" in page
    assert not User.objects.exists()


def test_it_says_that_it_is_for_businesses_only(client: Client) -> None:
    assert "For businesses only" in client.get("/accounts/signup/").content.decode()


def test_the_demo_offers_its_log_ins(client: Client) -> None:
    assert "plus@example.com" in client.get("/accounts/login/").content.decode()


def test_nothing_but_the_demo_offers_log_ins(client: Client, settings: object) -> None:
    settings.DEMO = False  # type: ignore[attr-defined]
    assert "plus@example.com" not in client.get("/accounts/login/").content.decode()


def test_logging_in_keeps_where_one_wanted_to_go(client: Client) -> None:
    page = client.get("/accounts/login/?next=/settings/billing/").content.decode()
    assert 'name="next" value="/settings/billing/"' in page


def test_logging_out_takes_a_post(client: Client, alice: User) -> None:
    client.force_login(alice)
    client.get("/accounts/logout/")
    assert "_auth_user_id" in client.session
    client.post("/accounts/logout/")
    assert "_auth_user_id" not in client.session
