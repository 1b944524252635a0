"""A form that was open while its person logged in again in another tab: never carried out, never lost."""

import re
from datetime import datetime

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts import drafts
from accounts.models import BillingProfile, Customer, PaymentMethod, User
from billing_portal.tokens import KEPT, SESSION_KEY
from conftest import PASSWORD
from invoices.models import InvoiceLine
from invoices.tests.cast import open_invoice
from plans.selectors import current_subscription
from plans.services.open_default_subscription import open_default_subscription
from plans.tests.conftest import add_card

pytestmark = pytest.mark.django_db

DETAILS, UPGRADE = reverse("billing_details"), "/settings/billing/plan/plus/"
TYPED = {"legal_name": "Wonder Holding", "line1": "Rue 1", "city": "Paris", "country": "FR"}
SAID = "You have logged in again in another tab. Nothing was sent yet. What you typed is still here"
FORMS = {
    "billing_details": TYPED,
    "members": {"email": "erin@example.com", "role": "member"},
    "api_tokens": {"name": "Gateway, production"},
    "billing_notifications": {"amount": "75.50"},
    "plan_upgrade": TYPED | {"quote": "quo_1"},
    "contact_sales": {"message": "We need a region in Oslo."},
    "correction_add": {"wrong": "The street is another one."},
    "credits_top_up": {"threshold": "20", "amount": "50", "ceiling": "200"},
    "charge_ask": {"message": "Why is it more than in September?"},
}
ARGS = {"plan_upgrade": ["plus"]}


@pytest.fixture(autouse=True)
def verified(alice: User, charlie: User) -> None:
    """Attempts are counted in the cache, which outlives a test."""
    cache.clear()
    for user in (alice, charlie):
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


@pytest.fixture(autouse=True)
def subscribed(customer: Customer, catalogue: object, seller: object, at: datetime) -> None:
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)


@pytest.fixture
def browser(alice: User) -> Client:
    """alice's, in which forms need their token."""
    browser = Client(enforce_csrf_checks=True)
    log_in(browser, alice)
    return browser


def token_on(browser: Client, page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(page).content.decode())
    assert found, page
    return found[1]


def log_in(browser: Client, user: User) -> None:
    """In a tab of its own, with the page of the log-in opened there."""
    token = token_on(browser, "/accounts/login/")
    typed = {"login": user.email, "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert browser.post("/accounts/login/", typed).status_code == 302
    browser.get(DETAILS)


def log_out(browser: Client) -> None:
    token = token_on(browser, DETAILS)
    browser.post("/accounts/logout/", {"csrfmiddlewaretoken": token})
    assert "_auth_user_id" not in browser.session


def again(browser: Client, user: User) -> None:
    log_out(browser)
    log_in(browser, user)


@pytest.mark.parametrize("name", FORMS)
def test_the_same_person_gets_it_back_as_it_was_filled_in(
    browser: Client, alice: User, customer: Customer, at: datetime, name: str
) -> None:
    if name in ("correction_add", "charge_ask"):
        open_invoice(customer, 4900, at=at)
    line = [one.key for one in InvoiceLine.objects.all()]
    page = reverse(name, args=line if name == "charge_ask" else ARGS.get(name))
    typed = FORMS[name] | {"csrfmiddlewaretoken": token_on(browser, page)}
    again(browser, alice)
    sent = browser.post(page, typed)
    assert (sent.status_code, sent["Location"]) == (303, page)
    shown = browser.get(page).content.decode()
    assert SAID in shown
    for value in FORMS[name].values():
        assert value == "quo_1" or value in shown
    assert "quo_1" not in shown
    assert SAID not in browser.get(page).content.decode()  # once


def test_every_page_with_a_draft_is_here() -> None:
    assert FORMS.keys() == KEPT


def test_nothing_is_carried_out_until_it_is_sent_again(browser: Client, alice: User, customer: Customer) -> None:
    typed = TYPED | {"csrfmiddlewaretoken": token_on(browser, DETAILS)}
    again(browser, alice)
    browser.post(DETAILS, typed)
    named = BillingProfile.objects.filter(customer=customer, legal_name="Wonder Holding")
    assert not named.exists()
    browser.post(DETAILS, TYPED | {"csrfmiddlewaretoken": token_on(browser, DETAILS)})
    assert named.exists()


def test_another_button_of_the_page_leaves_its_form_as_it_is(browser: Client, alice: User) -> None:
    browser.post(DETAILS, TYPED | {"csrfmiddlewaretoken": token_on(browser, DETAILS)})
    token = token_on(browser, DETAILS)
    again(browser, alice)
    browser.post(DETAILS, {"off": "1", "csrfmiddlewaretoken": token})
    assert 'value="Wonder Holding"' in browser.get(DETAILS).content.decode()


def test_subscribing_begins_with_a_quote_of_now(browser: Client, alice: User, customer: Customer) -> None:
    page = browser.get(UPGRADE).content.decode()
    quote = re.search(r'name="quote" value="(\w+)"', page)
    assert quote
    typed = TYPED | {"quote": quote[1], "csrfmiddlewaretoken": token_on(browser, UPGRADE)}
    again(browser, alice)
    browser.post(UPGRADE, typed)
    shown = browser.get(UPGRADE).content.decode()
    assert 'value="Wonder Holding"' in shown
    assert quote[1] not in shown
    running = current_subscription(customer.pk)
    assert running
    assert running.plan.key == "free"


def test_nobody_else_who_logs_in_there_sees_it(browser: Client, charlie: User, other_customer: Customer) -> None:
    typed = TYPED | {"csrfmiddlewaretoken": token_on(browser, DETAILS)}
    again(browser, charlie)
    assert browser.post(DETAILS, typed).status_code == 403
    assert drafts.SESSION_KEY not in browser.session
    assert "Wonder Holding" not in browser.get(DETAILS).content.decode()


def test_nor_after_somebody_else_was_there(
    browser: Client, alice: User, charlie: User, other_customer: Customer
) -> None:
    typed = TYPED | {"csrfmiddlewaretoken": token_on(browser, DETAILS)}
    again(browser, charlie)
    again(browser, alice)
    assert browser.post(DETAILS, typed).status_code == 403


@pytest.mark.parametrize("token", ["", "x", "x" * 32, "x" * 64, "\x00" * 64])
def test_a_form_that_is_not_ours_stays_refused(browser: Client, alice: User, token: str) -> None:
    again(browser, alice)
    assert SESSION_KEY in browser.session
    assert browser.post(DETAILS, TYPED | {"csrfmiddlewaretoken": token}).status_code == 403
    assert drafts.SESSION_KEY not in browser.session


def test_what_is_too_long_stays_refused(browser: Client, alice: User) -> None:
    typed = TYPED | {"csrfmiddlewaretoken": token_on(browser, DETAILS), "line2": "x" * drafts.LONGEST}
    again(browser, alice)
    assert browser.post(DETAILS, typed).status_code == 403


def test_after_logging_out_it_is_as_for_a_session_that_is_over(browser: Client) -> None:
    """The token is still the browser's; the log-in is what is missing."""
    typed = TYPED | {"csrfmiddlewaretoken": token_on(browser, DETAILS)}
    log_out(browser)
    assert browser.post(DETAILS, typed)["Location"].startswith("/accounts/login/?next=")


# --- everything else: the page that leads back ------------------------------------------------------------------------


def test_a_button_that_does_something_leads_back_to_its_page(
    browser: Client, alice: User, customer: Customer, at: datetime
) -> None:
    card = add_card(customer, at)
    portal, button = reverse("portal"), reverse("pm_delete", args=[card.key])
    typed = {"csrfmiddlewaretoken": token_on(browser, button)}
    again(browser, alice)
    answer = browser.post(button, typed, headers={"Referer": "http://testserver" + portal})
    page = answer.content.decode()
    assert answer.status_code == 403
    assert f'href="http://testserver{portal}"' in page
    assert "Open the page again" in page
    assert "Go back" not in page
    assert PaymentMethod.objects.get(pk=card.pk).deleted_at is None


def test_a_second_log_in_leads_to_its_own_page(browser: Client, alice: User) -> None:
    """No password is ever kept."""
    log_out(browser)
    token = token_on(browser, "/accounts/login/")
    log_in(browser, alice)
    typed = {"login": alice.email, "password": PASSWORD, "csrfmiddlewaretoken": token}
    here = "http://testserver/accounts/login/?next=/settings/billing/"
    answer = browser.post("/accounts/login/", typed, headers={"Referer": here})
    assert answer.status_code == 403
    assert f'href="{here}"' in answer.content.decode()
    assert drafts.SESSION_KEY not in browser.session


@pytest.mark.parametrize("referer", ["", "https://elsewhere.example/", "javascript:alert(1)", "//elsewhere.example/"])
def test_it_leads_nowhere_else(browser: Client, referer: str) -> None:
    answer = browser.post(DETAILS, TYPED, headers={"Referer": referer} if referer else {})
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "elsewhere.example" not in page
    assert "alert(1)" not in page
    assert 'class="btn" href' not in page


def test_for_htmx_it_is_refused_and_app_js_says_so(browser: Client, alice: User) -> None:
    typed = TYPED | {"csrfmiddlewaretoken": token_on(browser, DETAILS)}
    again(browser, alice)
    assert browser.post(DETAILS, typed, headers={"HX-Request": "true"}).status_code == 403


def test_htmx_is_told_on_the_page_it_stands_on(browser: Client) -> None:
    sent = browser.post(DETAILS, TYPED | {"csrfmiddlewaretoken": "x" * 64}, headers={"HX-Request": "true"})
    assert (sent.status_code, sent["HX-Retarget"]) == (403, "#notices")
    assert "Open the page again and send the form from there." in sent.content.decode()
    assert "<html" not in sent.content.decode()
