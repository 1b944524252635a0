"""Logged out in the middle of a form, or asked once more who one is: back on the page with what was typed."""

import time
from datetime import datetime

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client

from accounts import drafts
from accounts.models import BillingProfile, Customer, Membership, PaymentMethod, Role, User
from accounts.recent import SESSION_KEY
from billing_portal.simulation.people import session_of
from conftest import PASSWORD
from plans.selectors import current_subscription
from plans.services.open_default_subscription import open_default_subscription
from plans.tests.conftest import add_card

pytestmark = pytest.mark.django_db

DETAILS = "/settings/billing/portal/details/"
PORTAL = "/settings/billing/portal/"
ALERTS = "/settings/billing/portal/notifications/"
SALES = "/settings/billing/plan/enterprise/"
UPGRADE = "/settings/billing/plan/plus/"
TYPED = {"legal_name": "Wonder Holding", "line1": "Rue 1", "city": "Paris", "country": "FR"}
AGO = 16 * 60  # seconds: longer than a confirmation lasts
HERE = {"Referer": "http://testserver" + PORTAL}


@pytest.fixture(autouse=True)
def verified(alice: User, charlie: User) -> None:
    """Attempts are counted in the cache, which outlives a test."""
    cache.clear()
    for user in (alice, charlie):
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


@pytest.fixture
def browser(client: Client, alice: User, customer: Customer) -> Client:
    """alice's, who has looked at a page."""
    client.force_login(alice)
    client.get(DETAILS)
    return client


@pytest.fixture
def card(customer: Customer, at: datetime) -> PaymentMethod:
    return add_card(customer, at)


@pytest.fixture
def subscribed(customer: Customer, catalogue: object, seller: object, at: datetime) -> Customer:
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    return customer


def expire(browser: Client) -> None:
    """Her session is over; the browser stays."""
    browser.session.flush()
    del browser.cookies["sessionid"]


def log_in(browser: Client, user: User, next_url: str) -> str:
    """Where that leads."""
    answer = browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD, "next": next_url})
    return str(answer["Location"])


def long_ago(browser: Client) -> None:
    """She logged in a while ago."""
    session = browser.session
    session[SESSION_KEY] = time.time() - AGO
    session.save()


# --- a session that is over ------------------------------------------------------------------------------------------


def test_what_was_typed_is_still_there_after_logging_in_again(browser: Client, alice: User) -> None:
    expire(browser)
    answer = browser.post(DETAILS, TYPED)
    assert answer["Location"] == "/accounts/login/?next=%2Fsettings%2Fbilling%2Fportal%2Fdetails%2F"

    page = browser.get(log_in(browser, alice, DETAILS)).content.decode()

    assert 'value="Wonder Holding"' in page
    assert '<option value="FR" selected>' in page
    assert "What you typed is still here" in page
    assert not BillingProfile.objects.filter(legal_name="Wonder Holding").exists()
    assert "Wonder Holding" not in browser.get(DETAILS).content.decode()  # once


def test_nobody_else_who_logs_in_there_sees_it(browser: Client, charlie: User, other_customer: Customer) -> None:
    expire(browser)
    browser.post(DETAILS, TYPED)
    assert "Wonder Holding" not in browser.get(log_in(browser, charlie, DETAILS)).content.decode()


def test_what_was_typed_for_another_customer_is_not_shown(
    browser: Client, alice: User, customer: Customer, other_customer: Customer
) -> None:
    Membership.objects.create(user=alice, customer=other_customer, role=Role.BILLING_ADMIN)
    for typed_for, is_shown in ((other_customer, False), (customer, True)):  # a new log-in begins with the first one
        expire(browser)
        browser.post(DETAILS, TYPED | {"for_customer": typed_for.key})
        page = browser.get(log_in(browser, alice, DETAILS)).content.decode()
        assert ("Wonder Holding" in page) is is_shown


def test_a_browser_that_nobody_logged_in_with_keeps_nothing(client: Client, alice: User, customer: Customer) -> None:
    client.post(DETAILS, TYPED)
    assert drafts.SESSION_KEY not in client.session


def test_an_invented_person_keeps_nothing(client: Client, alice: User, customer: Customer) -> None:
    client.cookies["person"] = str(alice.pk)
    client.post(DETAILS, TYPED)
    assert drafts.SESSION_KEY not in client.session


def test_a_draft_is_kept_for_an_hour(browser: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    expire(browser)
    browser.post(DETAILS, TYPED)
    monkeypatch.setattr("accounts.drafts.LIFETIME", -1)
    assert "Wonder Holding" not in browser.get(log_in(browser, alice, DETAILS)).content.decode()


def test_what_is_too_long_is_not_kept(browser: Client) -> None:
    expire(browser)
    browser.post(DETAILS, TYPED | {"line2": "x" * drafts.LONGEST})
    assert drafts.SESSION_KEY not in browser.session


def test_alerts_are_kept_too(browser: Client, alice: User, subscribed: Customer) -> None:
    expire(browser)
    browser.post(ALERTS, {"amount": "75.50", "spend_percents": ["80"], "language": "none", "mail": []})
    page = browser.get(log_in(browser, alice, ALERTS)).content.decode()
    assert 'name="amount" value="75.50"' in page
    ticked = [tag for tag in page.split("<input")[1:] if "checked" in tag.partition(">")[0]]
    assert ["80" in tag for tag in ticked if 'name="spend_percents"' in tag] == [True]
    assert "What you typed is still here" in page


def test_a_message_to_sales_is_kept_too(browser: Client, alice: User) -> None:
    expire(browser)
    browser.post(SALES, {"message": "We need a region in Oslo."})
    assert "We need a region in Oslo." in browser.get(log_in(browser, alice, SALES)).content.decode()


def test_what_the_version_before_kept_is_still_shown(browser: Client, alice: User) -> None:
    expire(browser)
    browser.post(SALES, {"message": "We need a region in Oslo."})
    page = log_in(browser, alice, SALES)
    session = browser.session
    del session[drafts.SESSION_KEY]["elsewhere"]
    session.save()
    assert "We need a region in Oslo." in browser.get(page).content.decode()


def test_a_button_on_a_page_leads_back_to_that_page(browser: Client, card: PaymentMethod) -> None:
    """What is only ever posted to would answer 405 after the log-in."""
    expire(browser)
    answer = browser.post(f"{PORTAL}payment-methods/{card.key}/default/", headers=HERE)
    assert answer["Location"] == "/accounts/login/?next=%2Fsettings%2Fbilling%2Fportal%2F"


def test_for_htmx_the_whole_page_goes_to_the_log_in(browser: Client, card: PaymentMethod) -> None:
    expire(browser)
    htmx = {"HX-Request": "true", "HX-Current-URL": "http://testserver" + PORTAL}
    answer = browser.post(f"{PORTAL}payment-methods/{card.key}/default/", headers=htmx)
    assert answer["HX-Redirect"] == "/accounts/login/?next=%2Fsettings%2Fbilling%2Fportal%2F"
    assert answer.content == b""


# --- who are you, once more -------------------------------------------------------------------------------------------


def test_deleting_a_card_asks_for_the_password_and_comes_back(browser: Client, card: PaymentMethod) -> None:
    path = f"{PORTAL}payment-methods/{card.key}/delete/"
    long_ago(browser)
    asked = browser.post(path)
    assert asked["Location"].startswith("/accounts/reauthenticate/?next=")
    assert PaymentMethod.objects.get(pk=card.pk).deleted_at is None

    back = browser.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": path})
    assert back["Location"] == path
    browser.post(path)
    assert PaymentMethod.objects.get(pk=card.pk).deleted_at


def test_a_wrong_password_confirms_nothing(browser: Client, card: PaymentMethod) -> None:
    path = f"{PORTAL}payment-methods/{card.key}/delete/"
    long_ago(browser)
    browser.post("/accounts/reauthenticate/", {"password": "not-hers", "next": path})
    browser.post(path)
    assert PaymentMethod.objects.get(pk=card.pk).deleted_at is None


def test_changing_recipients_asks_and_keeps_what_was_typed(browser: Client) -> None:
    long_ago(browser)
    browser.post(DETAILS, TYPED | {"recipients": "new@example.com"})
    assert not BillingProfile.objects.filter(recipients__contains=["new@example.com"]).exists()

    back = browser.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": DETAILS})
    page = browser.get(back["Location"]).content.decode()
    assert "new@example.com</textarea>" in page
    assert 'value="Wonder Holding"' in page


def test_an_address_alone_is_saved_without_asking(browser: Client, alice: User) -> None:
    long_ago(browser)
    browser.post(DETAILS, TYPED | {"recipients": alice.email})
    assert BillingProfile.objects.filter(legal_name="Wonder Holding").exists()


@pytest.mark.usefixtures("card")
def test_subscribing_asks_and_keeps_what_was_typed(browser: Client, subscribed: Customer) -> None:
    long_ago(browser)
    asked = browser.post(UPGRADE, TYPED)
    assert asked["Location"].startswith("/accounts/reauthenticate/?next=")
    before = current_subscription(subscribed.pk)
    assert before
    assert before.plan.key == "free"

    back = browser.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": UPGRADE})
    page = browser.get(back["Location"]).content.decode()
    assert 'value="Wonder Holding"' in page
    assert "What you typed is still here" in page


def test_the_people_of_a_simulated_year_are_not_asked(alice: User, card: PaymentMethod) -> None:
    """A run takes longer than a confirmation lasts, and has nobody who types a password."""
    browser = Client()
    browser.cookies["sessionid"] = session_of(alice)
    browser.post(f"{PORTAL}payment-methods/{card.key}/delete/")
    assert PaymentMethod.objects.get(pk=card.pk).deleted_at


def test_the_demo_says_the_password_that_it_filled_in_itself(browser: Client, settings: object) -> None:
    said = "This is a demo: the password is"
    assert said in browser.get("/accounts/reauthenticate/").content.decode()
    settings.DEMO = False  # type: ignore[attr-defined]
    assert said not in browser.get("/accounts/reauthenticate/").content.decode()


def test_cancelling_never_asks(browser: Client, subscribed: Customer) -> None:
    """No friction on leaving."""
    long_ago(browser)
    assert "reauthenticate" not in browser.post("/settings/billing/plan/cancel/").headers.get("Location", "")


def test_who_has_just_logged_in_is_not_asked(browser: Client, card: PaymentMethod, alice: User) -> None:
    expire(browser)
    path = f"{PORTAL}payment-methods/{card.key}/delete/"
    log_in(browser, alice, path)
    browser.post(path)
    assert PaymentMethod.objects.get(pk=card.pk).deleted_at
