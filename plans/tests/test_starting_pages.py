"""«Subscribe» where its first payment takes more than one answer, or where the form tells of another time."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.gateways.base import Outcome
from accounts.tests.cards import CONFIRMS, add_card
from core.clock import travel_to
from invoices.models import Invoice, Payment
from invoices.services.add_pending_lines import add_pending_lines
from invoices.services.record_payment import record_payment
from invoices.tests.cast import line
from plans.models import ChangeQuote
from plans.selectors import current_subscription
from plans.services.archive_plan import archive_plan
from plans.tests.conftest import new_plan
from plans.tests.test_pages import DETAILS, text

NOW = datetime(2026, 10, 31, 14, 5, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _now():
    with travel_to(NOW):
        yield


@pytest.fixture
def early(free, catalogue, at):
    """99.00 a month in advance."""
    return new_plan("early", timing="in_advance", at=at)


def plan_of(customer):
    spell = current_subscription(customer.pk)
    assert spell is not None
    return spell.plan.key


def sent(key):
    """What the form of the newest quote sends, and where."""
    return reverse("plan_upgrade", args=[key]), {**DETAILS, "quote": ChangeQuote.objects.latest("pk").public_id}


def subscribe(client, key, **more):
    """The details first, then what they come to."""
    client.get(reverse("plan_upgrade", args=[key]))
    answer = client.post(*sent(key), **more)
    return client.post(*sent(key), **more) if answer.status_code == 409 else answer


# --- less than nothing is due -----------------------------------------------------------------------------------------


def test_it_begins_at_once_where_more_is_given_back_than_its_fee(early, customer, alice, as_alice, at):
    add_card(customer, alice, at)
    add_pending_lines(customer_id=customer.pk, currency="USD", lines=[line(-15_000)], at=at)

    answer = subscribe(as_alice, "early")

    assert (answer.status_code, answer["Location"]) == (303, reverse("billing_overview"))
    assert (plan_of(customer), Invoice.objects.get().total, Payment.objects.count()) == ("early", -5_100, 0)


# --- the bank asks ----------------------------------------------------------------------------------------------------


@pytest.fixture
def payment(early, customer, alice, as_alice, at):
    """The first one, which waits for the bank's confirmation."""
    add_card(customer, alice, at, CONFIRMS)
    answer = subscribe(as_alice, "early")
    payment = Payment.objects.get()
    assert payment.status == "needs_confirmation"
    assert answer["Location"] == page_of(payment)
    return payment


def page_of(payment):
    return reverse("payment_status", args=[payment.invoice.public_id, payment.public_id])


def test_it_asks_for_the_banks_confirmation_and_says_nothing_else(payment, as_alice):
    page = text(as_alice.get(page_of(payment)))

    assert "Your bank needs you to confirm $99.00" in page
    assert "Your payment is being processed" not in page


def test_after_the_banks_no_they_are_back_on_the_page_and_on_their_plan(payment, customer, as_alice):
    record_payment(payment_id=payment.pk, outcome=Outcome("declined", "authentication_required"), at=LATER)

    back = as_alice.get(page_of(payment), follow=True)

    assert back.redirect_chain[-1][0] == reverse("plan_upgrade", args=["early"])
    assert "Nothing was charged and you are still on Meridian Free." in text(back)
    assert text(back).count('class="banner danger') == 1
    assert (plan_of(customer), Invoice.objects.get().status) == ("free", "void")


def test_after_the_banks_yes_the_plan_has_begun(payment, customer, as_alice):
    record_payment(payment_id=payment.pk, outcome=Outcome("succeeded"), at=LATER)

    answer = as_alice.get(page_of(payment), headers={"HX-Request": "true"})
    overview = as_alice.get(answer["HX-Redirect"], follow=True)

    assert overview.redirect_chain[-1][0] == reverse("billing_overview")
    assert "You&#x27;re on Meridian Early. $99.00 was paid." in text(overview)
    assert plan_of(customer) == "early"


def test_a_viewer_sees_the_invoice_and_settles_nothing(payment, customer, bob, log_in):
    record_payment(payment_id=payment.pk, outcome=Outcome("succeeded"), at=LATER)
    client = log_in(bob)

    assert client.get(page_of(payment))["Location"] == reverse("invoice", args=[payment.invoice.public_id])
    assert client.get(reverse("plan_started", args=[payment.invoice.public_id])).status_code == 403
    assert plan_of(customer) == "free"


def test_strangers_and_other_invoices_start_nothing(payment, charlie, other_customer, as_alice, log_in):
    url = reverse("plan_started", args=[payment.invoice.public_id])

    assert log_in(charlie).get(url).status_code == 404
    assert as_alice.get(reverse("plan_started", args=["inv_none"])).status_code == 404


# --- a form of another time -------------------------------------------------------------------------------------------


def test_a_form_sent_again_after_the_plan_was_cancelled_does_not_say_they_are_on_it(
    free, customer, alice, as_alice, at
):
    add_card(customer, alice, at)
    subscribe(as_alice, "plus")
    form = sent("plus")
    as_alice.get(reverse("plan_cancel"))
    as_alice.post(reverse("plan_cancel"), {"quote": ChangeQuote.objects.latest("pk").public_id})
    as_alice.get(reverse("billing_overview"))

    page = text(as_alice.post(*form, follow=True))

    assert "You&#x27;re on Meridian Plus" not in page
    assert "your plan has changed since. You&#x27;re on Meridian Free." in page
    assert plan_of(customer) == "free"


def test_a_form_sent_twice_says_the_same_twice(free, customer, alice, as_alice, at):
    add_card(customer, alice, at)
    subscribe(as_alice, "plus")
    form = sent("plus")
    as_alice.get(reverse("billing_overview"))

    assert "You&#x27;re on Meridian Plus" in text(as_alice.post(*form, follow=True))


def test_a_plan_that_was_retired_while_the_card_was_entered_is_said_to_be(early, customer, alice, as_alice, at):
    at_the_card_page = subscribe(as_alice, "early")
    assert at_the_card_page["Location"].startswith(reverse("pm_add"))
    quote = ChangeQuote.objects.latest("pk")
    add_card(customer, alice, at)
    archive_plan(plan_id=early.pk, at=NOW, actor=None, reason="Not sold any more")

    back = as_alice.get(reverse("plan_upgrade_return", args=["early"]), {"quote": quote.public_id}, follow=True)

    assert back.redirect_chain == [(reverse("billing_overview"), 303)]
    assert "Meridian Early is not offered any more. Nothing was done and you are still on Meridian Free." in text(back)
    assert "already on" not in text(back)
