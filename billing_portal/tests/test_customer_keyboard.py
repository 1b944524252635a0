"""A customer without a mouse: from the log-in through plan, cards, invoice and credits to the downgrade."""

import re
from datetime import UTC, datetime

import pytest
from allauth.account.models import EmailAddress
from playwright.sync_api import Page, expect

from accounts.services.open_customer import open_customer
from accounts.tests.cards import DECLINES
from billing_portal.billing_run import run_billing
from billing_portal.tests.keys import Keys
from billing_portal.tests.looks import problems
from billing_portal.tests.people import on_free
from core import clock
from credits.tests.cast import grant
from plans.tests.conftest import send

pytestmark = pytest.mark.django_db(transaction=True)

SUBSCRIBED_AT = datetime(2026, 10, 20, 10, 0, tzinfo=UTC)
CALCULATED_AT = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)
BILLED_AT = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)


def log_in(keys: Keys) -> None:
    keys.page.goto("/settings/billing/")
    keys.write("E-mail", "alice@example.com")
    keys.write("Password", "correct-horse-battery")
    keys.press("button", "Log in")
    expect(keys.page.get_by_role("heading", name="Billing and Usage", level=1)).to_be_visible()


def enter_card(keys: Keys, number: str) -> None:
    keys.press("button", "Continue to secure card page")
    keys.write("Card number", number)
    keys.write("Expiry date", "12/30")
    keys.write("Security code (CVC)", "123")
    keys.press("button", "Save card")


def subscribe(keys: Keys) -> None:
    """With a mistake on the way: the summary of errors has the focus and leads to the field."""
    keys.press("link", "Change Plan")
    keys.press("link", "Upgrade to Plus")
    keys.write("Legal or company name", "Wonder Ltd")
    keys.select("Country", "France")
    keys.write("Address line 1", "2 quai de la Promenade")
    keys.press("button", "Subscribe")
    expect(keys.page.get_by_text("There is a problem")).to_be_visible()
    expect(keys.page.locator(".summary")).to_be_focused()
    keys.write("Postal code", "69001")
    keys.write("City", "Lyon")
    keys.press("button", "Subscribe")
    enter_card(keys, DECLINES)
    expect(keys.page.get_by_role("main")).to_contain_text("Meridian Plus")


def explain(keys: Keys) -> None:
    upcoming = keys.page.locator("#upcoming")
    keys.push(upcoming.locator("summary", has_text="Explain").first)
    expect(upcoming.locator(".calc").first).to_be_visible()


def refresh(keys: Keys) -> None:
    for panel, says in (("#usage", "Usage updated"), ("#upcoming", "Upcoming invoice updated")):
        link = keys.page.locator(panel).get_by_role("link", name="Refresh")
        keys.push(link)
        expect(keys.page.locator("#live")).to_contain_text(says)
        expect(link).to_be_focused()


def explore(keys: Keys) -> None:
    keys.press("link", "Explore usage")
    show = keys.page.get_by_role("button", name="Show")
    with keys.page.expect_response(re.compile("/usage/")):
        keys.push(show)
    expect(keys.page.locator("#live")).to_contain_text("3 requests")
    expect(show).to_be_focused()


def change_cards(keys: Keys) -> None:
    page = keys.page
    keys.press("link", "Go to billing portal")
    keys.press("link", "Add a payment method")
    enter_card(keys, "5555 5555 5555 4444")
    old = page.get_by_role("button", name=re.compile("^Actions for .* ending 0341$"))
    new = page.get_by_role("button", name=re.compile("^Actions for .* ending 4444$"))
    keys.push(old)
    keys.push(page.get_by_role("button", name="Make default"))
    expect(page.get_by_role("row").filter(has_text="0341")).to_contain_text("Default")
    expect(page.locator("body"), "the focus is lost after a swap").not_to_be_focused()
    keys.push(new)
    keys.push(page.get_by_role("button", name="Make default"))
    expect(page.get_by_role("row").filter(has_text="4444")).to_contain_text("Default")
    keys.push(old)
    keys.reach_it(page.get_by_role("link", name=re.compile("^Delete .* ending 0341$")))
    with page.expect_navigation():
        page.keyboard.press("Enter")
    keys.press("button", "Delete")
    expect(page.get_by_role("row").filter(has_text="0341")).to_have_count(0)


def pay(keys: Keys) -> None:
    """By the icon of the history, in a tab of its own."""
    with keys.page.expect_popup() as opened:
        keys.push(keys.page.get_by_role("link", name=re.compile(r"^View invoice .* \(opens in new tab\)$")).first)
    own = Keys(opened.value)
    with own.page.expect_download():
        own.push(own.page.get_by_role("link", name=re.compile("^Download invoice")).first)
    own.reach_it(own.page.get_by_role("button", name=re.compile("^Pay")))
    with own.page.expect_navigation():
        own.page.keyboard.press("Enter")
    own.page.wait_for_url(re.compile(r"/invoices/inv_\w+/$"))
    expect(own.page.get_by_role("main")).to_contain_text("Paid")
    own.page.close()


def look_at_credits(keys: Keys) -> None:
    keys.press("link", "Credits")
    keys.select("Type", "Funded")
    keys.push(keys.page.get_by_role("button", name="Filter"))
    expect(keys.page).to_have_url(re.compile("type=funded"))
    expect(keys.page.locator("#history tbody tr")).to_have_count(1)
    expect(keys.page.get_by_role("button", name="Filter")).to_be_focused()
    keys.push(keys.page.get_by_role("link", name="Clear"))
    expect(keys.page.locator("#history tbody tr")).not_to_have_count(1)
    expect(keys.page.get_by_role("button", name="Filter")).to_be_focused()


def leave(keys: Keys) -> None:
    keys.press("link", "Billing and Usage")
    keys.press("link", "Cancel Plan")
    keys.press("button", "Confirm Downgrade")
    expect(keys.page.get_by_role("main")).to_contain_text("Meridian Free")
    say_why(keys)


def say_why(keys: Keys) -> None:
    """What is asked after it, first with an answer that is empty."""
    keys.push(keys.page.locator("summary", has_text="Why are you leaving?"))
    keys.press("button", "Send answer")
    wrong = keys.page.get_by_role("link", name="The main reason – Choose a reason, or write a few words.")
    expect(keys.page.locator(".summary")).to_be_focused()
    assert problems(keys.page) == []
    keys.push(wrong)
    keys.choose("We do not use it enough")
    keys.press("button", "Send answer")
    expect(keys.page.get_by_role("main")).to_contain_text("Thank you.")


def test_a_customer_needs_no_mouse(page: Page, alice, seller, catalogue):
    with clock.travel_to(SUBSCRIBED_AT):
        customer = open_customer(name="Wonder Ltd", user=alice, at=SUBSCRIBED_AT, actor=alice)
        on_free(customer, alice, SUBSCRIBED_AT)
        grant(customer, 500, at=SUBSCRIBED_AT)
        EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
        keys = Keys(page)
        log_in(keys)
        subscribe(keys)
    send(customer, datetime(2026, 11, 2, 9, 0, tzinfo=UTC), requests=3, tokens=4_000_000)
    with clock.travel_to(datetime(2026, 11, 3, 9, 0, tzinfo=UTC)):
        page.goto("/settings/billing/")
        explain(keys)
        refresh(keys)
        explore(keys)
    for at in (CALCULATED_AT, BILLED_AT):
        with clock.travel_to(at):
            run_billing(at=at)
    with clock.travel_to(BILLED_AT):
        page.goto("/settings/billing/")
        change_cards(keys)
        pay(keys)
        look_at_credits(keys)
        leave(keys)
