"""«Confirm Downgrade» stands longer than its figures are held: it asks for new ones, politely and not for ever."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import expect

from accounts.models import Customer
from accounts.tests.test_browser import RULES, as_user
from core.clock import travel_to
from plans.models import ChangeQuote, QuoteKind
from plans.refreshing import LOOKS
from plans.selectors import current_subscription
from plans.services.change_plan import change_plan
from plans.services.make_quote import make_quote
from plans.tests.conftest import cancel_quote, new_plan, send, tokens_card

LATER = datetime(2026, 10, 31, 14, 5, tzinfo=UTC)
HTMX = {"HX-Request": "true"}
URL = reverse("plan_cancel")


@pytest.fixture
def look(plus, as_alice):
    """What the page asks for by itself; `at` is when."""

    def ask(looks=1, held="", at=LATER, headers=HTMX):
        with travel_to(at):
            return as_alice.get(URL, {"looks": looks, "held": held}, headers=headers)

    return ask


def cancellations():
    return ChangeQuote.objects.filter(kind=QuoteKind.CANCEL)


def newest():
    return cancellations().latest("pk")


def test_the_page_asks_once_a_minute_before_its_figures_run_out(plus, as_alice):
    with travel_to(LATER):
        page = as_alice.get(URL).text
    assert page.count("hx-trigger") == 1
    assert 'hx-trigger="load delay:840s"' in page  # of the 15 minutes of a quote
    assert f'hx-get="{URL}?looks=1&amp;held={newest().public_id}"' in page
    assert "Show the current figures" not in page


def test_it_gets_the_figures_alone_and_the_quote_that_they_are_of(look):
    shown = look(at=LATER + timedelta(minutes=14)).text
    assert "<html" not in shown
    assert "<button" not in shown
    assert shown.strip().startswith('<section id="figures"')
    assert "31 Oct 2026, 14:34 UTC" in shown  # held until
    assert f'<input type="hidden" name="quote" value="{newest().public_id}" id="quote" hx-swap-oob="true">' in shown


def test_one_look_is_one_quote(look):
    look()
    assert cancellations().count() == 1


def test_what_it_shows_then_is_what_is_confirmed(look, as_alice, customer):
    look(at=LATER + timedelta(minutes=14))
    with travel_to(LATER + timedelta(minutes=20)):
        assert as_alice.post(URL, {"quote": newest().public_id}).status_code == 303
    assert current_subscription(customer.pk).plan.key == "free"


def test_where_the_total_stands_nothing_is_said(look, customer):
    shown = look(held=cancel_quote(customer, LATER).public_id).text
    assert "data-say" not in shown
    assert "The total changed" not in shown


def test_where_the_total_moved_it_is_said_and_shown(look, customer, at):
    held = cancel_quote(customer, LATER)
    send(customer, at + timedelta(days=1), tokens=3_000_000)
    shown = look(held=held.public_id).text
    said = "The total changed from $17.39 to $23.39."
    assert f'data-say="{said}"' in shown
    assert shown.count(said) == 2
    assert "data-focus" not in shown
    assert 'role="alert"' not in shown


def test_another_plan_is_a_page_of_its_own(look, customer, at):
    """What the heading asks is not what would be confirmed."""
    held = cancel_quote(customer, LATER)
    pro = new_plan("pro", cards=[tokens_card("0.001")], at=at)
    change_plan(quote=make_quote(customer=customer, plan=pro, at=LATER, actor=None), at=LATER, actor=None)
    assert look(held=held.public_id)["HX-Redirect"] == URL


@pytest.mark.parametrize("held", ["", "quo_unknown", "quo\x00"])
def test_a_quote_that_is_not_theirs_says_nothing(look, held):
    assert "The total changed" not in look(held=held).text


def test_after_an_hour_a_link_is_offered_instead(look):
    for looks in range(1, LOOKS):
        shown = look(looks).text
        assert f"looks={looks + 1}&amp;" in shown
        assert "Show the current figures" not in shown
    for looks in (LOOKS, LOOKS + 1, 99_999):
        shown = look(looks).text
        assert "hx-trigger" not in shown
        assert re.search(rf'<a href="{URL}">Show the current figures</a>', shown)


@pytest.mark.parametrize("looks", ["", "-1", "x", "²", "9" * 400])
def test_what_is_no_number_begins_anew(look, looks):
    assert "looks=1&amp;" in look(looks).text


def test_the_address_itself_is_a_whole_page(look):
    assert "<html" in look(headers={}).text


def test_where_there_is_nothing_to_confirm_any_more_the_whole_page_goes_on(look, customer):
    Customer.objects.filter(pk=customer.pk).update(payment_policy="managed_by_contract")
    assert look()["HX-Redirect"] == URL


def test_nor_where_it_was_cancelled_in_another_tab(look, as_alice):
    look()
    with travel_to(LATER):
        as_alice.post(URL, {"quote": newest().public_id})
    assert look()["HX-Redirect"] == reverse("billing_overview")


def test_on_a_test_clock_nothing_runs_out_by_itself(plus, as_alice, customer):
    Customer.objects.filter(pk=customer.pk).update(clock_at=LATER)
    assert "hx-trigger" not in as_alice.get(URL).text


def test_a_refused_confirmation_begins_anew(plus, as_alice):
    with travel_to(LATER):
        answer = as_alice.post(URL, {})
    assert answer.status_code == 409
    assert f"{URL}?looks=1&amp;held={newest().public_id}" in answer.text


def test_a_look_asks_little(look, customer, django_assert_max_num_queries):
    held = cancel_quote(customer, LATER).public_id
    with django_assert_max_num_queries(15):
        look(held=held)


@pytest.mark.parametrize(("who", "status"), [("bob", 403), ("dora", 403)])
def test_it_is_for_billing_admins(plus, log_in, request, who, status):
    client = log_in(request.getfixturevalue(who))
    assert client.get(URL, {"looks": 1}, headers=HTMX).status_code == status


# --- in a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture
def soon(settings):
    """Held for a minute and two seconds, so that the page asks after two."""
    settings.QUOTE_LIFETIME = timedelta(seconds=62)


@pytest.fixture
def impatient(monkeypatch, soon):
    monkeypatch.setattr("plans.refreshing.SOONEST", 1)


def quote_on(page):
    return page.locator("#quote").input_value()


@pytest.mark.django_db(transaction=True)
def test_the_figures_follow_and_the_button_keeps_its_focus(page, log_in, alice, customer, plus, impatient):
    as_user(page, log_in, alice).goto(URL)
    first, button = quote_on(page), page.get_by_role("button", name="Confirm Downgrade")
    button.focus()
    expect(page.locator("#quote")).not_to_have_value(first)
    expect(button).to_be_focused()
    expect(page.locator("#figures")).to_have_count(1)
    expect(page.locator("#live")).to_be_empty()
    expect(page.get_by_role("link", name="Show the current figures")).to_be_visible(timeout=20_000)
    assert Axe().run(page, options=RULES).response["violations"] == []
    assert cancellations().count() == 1 + LOOKS
    button.click()
    expect(page.get_by_text("Your plan is now Meridian Free.")).to_be_visible()


@pytest.mark.django_db(transaction=True)
def test_nothing_moves_while_the_button_is_busy(page, log_in, alice, customer, plus, impatient):
    as_user(page, log_in, alice).goto(URL)
    first = quote_on(page)
    page.evaluate("document.querySelector('[data-once]').setAttribute('aria-disabled', 'true')")
    page.wait_for_timeout(4_000)
    assert quote_on(page) == first
    assert cancellations().count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_javascript_nothing_is_asked_for(page_without_js, log_in, alice, customer, plus, impatient):
    page = as_user(page_without_js, log_in, alice)
    page.goto(URL)
    page.wait_for_timeout(3_000)
    assert cancellations().count() == 1
    page.get_by_role("button", name="Confirm Downgrade").click()
    expect(page.get_by_text("Your plan is now Meridian Free.")).to_be_visible()
