"""What people see while an invoice is overdue: why, what happens when, and what they can do about it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from accounts.models import Customer
from accounts.services.deliver_notices import deliver_notices
from accounts.tests.cards import DECLINES, VISA, add_card
from billing_portal import billing_run
from billing_portal.chromium import dress
from billing_portal.tests.begun import Begun
from billing_portal.tests.looks import problems
from billing_portal.tests.people import on_plus
from core import clock
from invoices.models import Invoice
from invoices.tests.test_browser import enter
from plans.models import CarriedOutConsequence
from plans.tests.test_consequences import with_consequence

pytestmark = pytest.mark.django_db(transaction=True)

BILLED_AT = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
DAY = timedelta(days=1)
OVERVIEW = "/settings/billing/"


def text(response) -> str:
    return " ".join(response.content.decode().split())


def run(*days: float) -> None:
    for day in days:
        at = BILLED_AT + day * DAY
        billing_run.bill_and_collect(at=at, report=billing_run.RunReport(at=""))
        deliver_notices(at=at)


def seen(day: float):
    """Pages as they are on that day, at noon."""
    return clock.travel_to(BILLED_AT + (day + 0.5) * DAY)


def calculated_with_a_card_that_declines(customer, alice, catalogue, at):
    on_plus(customer, alice, catalogue, at, card=DECLINES)
    run(-3 + 1 / 24)


_calculated = Begun(calculated_with_a_card_that_declines)


@pytest.fixture
def declining(customer, alice, catalogue, seller, at, processor):
    _calculated.again(processor, customer, alice, catalogue, at)
    return customer


def test_the_overview_says_why_and_when_the_card_is_tried_again(declining, alice, log_in):
    run(0)
    with seen(0):
        page = text(log_in(alice).get(OVERVIEW))
    for words in (
        'role="alert"',
        "We couldn&#x27;t charge $49.00 to Visa ending 0341 on 20 Nov 2026. The bank declined the card.",
        "We&#x27;ll try again on 23 Nov 2026.",
        "View invoice",
        "Update payment method",
        "Past due",
        "Overdue from",
        "You can change your plan once",
        "Cancel Plan",
    ):
        assert words in page, words
    assert f'class="btn" href="{reverse("plan_change")}"' not in page


def test_after_the_last_try_it_promises_none(declining, alice, log_in):
    run(0, 3, 5, 7)
    with seen(8):
        page = text(log_in(alice).get(OVERVIEW))
    assert "Payment failed." in page
    assert "try again on" not in page


def test_the_invoice_page_tells_what_happens_when(declining, alice, log_in):
    run(0)
    invoice = Invoice.objects.get()
    client, url = log_in(alice), reverse("invoice", args=[invoice.public_id])
    with seen(0):
        page = text(client.get(url))
    assert "What happens when" in page
    assert "20 Nov 2026</time></strong> <span>Visa ending 0341 was declined. The bank declined the card." in page
    assert "23 Nov 2026</time></strong> <span>We charge your default card again" in page
    run(3, 5, 7, 14)
    with seen(14):
        page = text(client.get(url))
    assert "4 Dec 2026</time></strong> <span>Last notice sent</span>" in page
    assert "11 Dec 2026</time></strong> <span>Not before this day, if it stays unpaid: Meridian Plus ends" in page


def test_an_invoice_that_is_not_overdue_asks_nothing_more(customer, alice, catalogue, seller, at, log_in):
    on_plus(customer, alice, catalogue, at)
    run(-3 + 1 / 24, 0)
    invoice = Invoice.objects.get()
    with seen(0):
        assert "What happens when" not in text(log_in(alice).get(reverse("invoice", args=[invoice.public_id])))


def test_a_stranger_sees_nothing_of_it(declining, charlie, other_customer, log_in):
    run(0)
    assert log_in(charlie).get(reverse("invoice", args=[Invoice.objects.get().public_id])).status_code == 404


def test_change_plan_offers_to_pay_first_and_cancel_says_what_stays_due(declining, alice, log_in):
    run(0)
    number = Invoice.objects.get().number
    client = log_in(alice)
    with seen(0):
        assert "An invoice is past due." in text(client.get(reverse("plan_change")))
        cancelling = text(client.get(reverse("plan_cancel")))
    assert f"Cancelling doesn't cancel {number} ($49.00), which is still due." in cancelling


def test_a_hold_is_said_first(customer, alice, catalogue, seller, at, log_in):
    plus = with_consequence(catalogue.plus, "hold", at)
    on_plus(customer, alice, catalogue._replace(plus=plus), at, card=DECLINES)
    run(-3 + 1 / 24, 0, 3, 5, 7, 14, 21)
    assert CarriedOutConsequence.objects.get().kind == "hold"
    with seen(21):
        page = text(log_in(alice).get(OVERVIEW))
    assert page.index("On hold.") < page.index("Payment failed.")
    assert "Access to Meridian Plus is refused until everything overdue is paid" in page


def test_staff_see_how_far_the_story_has_come(declining, as_clerk):
    run(0)
    url = reverse("admin:customer", args=[declining.key])
    with seen(0):
        page = text(as_clerk.get(url))
    for words in (
        "Since 20 Nov 2026",
        "23 Nov 2026: the card is tried again",
        "11 Dec 2026: the plan’s consequence, at the earliest",
    ):
        assert words in page, words
    run(3, 5, 7, 14)
    with seen(14):
        assert "Since 20 Nov 2026, warned" in text(as_clerk.get(url))


def test_who_has_paid_sees_nothing_of_it_any_more(declining, alice, log_in, as_clerk):
    run(0)
    add_card(declining, alice, BILLED_AT + DAY, VISA, make_default=True)
    run(3)
    with seen(3):
        page = text(log_in(alice).get(OVERVIEW))
        staff_page = text(as_clerk.get(reverse("admin:customer", args=[declining.key])))
    assert "Payment failed." not in page
    assert f'class="btn" href="{reverse("plan_change")}"' in page
    assert "Since 20 Nov 2026" not in staff_page


def test_staff_see_it_by_the_customers_own_clock(declining, as_clerk):
    Customer.objects.update(clock_at=BILLED_AT)
    run(0)
    page = text(as_clerk.get(reverse("admin:customer", args=[declining.key])))
    assert "23 Nov 2026: the card is tried again" in page


def test_axe_finds_nothing_on_the_page_of_staff(page, live_server, declining, as_clerk):
    run(0, 3, 5, 7, 14)
    dress(page)
    with seen(14):
        enter(page, live_server, as_clerk)
        page.goto(reverse("admin:customer", args=[declining.key]))
        expect(page.get_by_role("main")).to_contain_text("$49.00")
        assert problems(page) == []
