"""The next payment on «Billing and Usage»: what is to be paid, whether a card is needed for it, and that it adds up."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse

from accounts.models import PaymentPolicy
from accounts.tests.cards import CONFIRMS
from billing_portal.billing_run import run_billing
from billing_portal.tests.people import on_free, on_plus
from billing_portal.tests.sums import adrift
from billing_portal.tests.test_overview import BILLED_AT, CALCULATED_AT, MIDDLE, URL
from core import clock
from plans.models import Plan, QuoteKind, RateCard
from plans.services.cancel_subscription import cancel_subscription
from plans.services.make_quote import make_quote
from plans.services.open_contract import open_contract
from plans.services.publish_plan import publish_plan
from plans.tests.conftest import send
from plans.tests.test_late_usage import send_late
from plans.tests.test_settle_usage import grant

DAY = timedelta(days=1)
DECLINES = "4000000000000341"
NOT_YET = "This payment can't work yet"
WITHOUT_CARD = "By invoice. You don’t need a payment method."


@pytest.fixture
def seen(alice, log_in):
    """The page as somebody reads it; what its figures come to is looked at each time."""

    def seen(now, who=alice):
        with clock.travel_to(now):
            page = log_in(who).get(URL).content.decode()
        assert adrift(page) == []
        words = " ".join(unescape(re.sub("<[^>]+>", " ", page)).split())
        return words.replace(" .", ".").replace(" ,", ",").replace(" :", ":")

    return seen


@pytest.fixture
def plus(customer, alice, seller, catalogue, at):
    with clock.travel_to(at):
        on_plus(customer, alice, catalogue, at)
    return customer


@pytest.fixture
def declined(customer, alice, seller, catalogue, at):
    """On Plus, with an invoice that the card did not pay."""
    on_plus(customer, alice, catalogue, at, card=DECLINES)
    run_billing(at=CALCULATED_AT)
    run_billing(at=BILLED_AT)
    return customer


def leave(customer, user, at):
    quote = make_quote(customer=customer, kind=QuoteKind.CANCEL, at=at, actor=user)
    cancel_subscription(quote=quote, at=at, actor=user)


def without_card(customer, at):
    customer.payment_methods.update(is_default=False, deleted_at=at)


def put_on(customer, user, plan, at):
    on_free(customer, user, at)
    open_contract(customer_id=customer.pk, plan=plan, at=at, actor=None)


def optional_plan(at):
    """A fee of $99.00 a month, for which nobody has to keep a card."""
    plan = Plan.objects.create(key="soft", name="Soft", currency="USD", payment_policy=PaymentPolicy.OPTIONAL)
    RateCard.objects.create(plan=plan, key="base-fee", name="Monthly fee", model="flat", amount=9_900)
    publish_plan(plan=plan, at=at, actor=None)
    return Plan.objects.with_cards().get(pk=plan.pk)


# --- what is overdue --------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_free_says_what_is_overdue_of_the_plan_before(declined, alice, seen):
    leave(declined, alice, BILLED_AT)
    page = seen(BILLED_AT)
    assert "Nothing to pay" not in page
    assert "Overdue from INV-2026-000001: $49.00" in page
    assert page.count("Overdue from") == 1


@pytest.mark.django_db(transaction=True)
def test_a_contract_that_bills_nothing_says_what_is_overdue_of_the_plan_before(declined, alice, catalogue, seen):
    leave(declined, alice, BILLED_AT)
    open_contract(customer_id=declined.pk, plan=catalogue.enterprise, at=BILLED_AT + DAY, actor=None)
    page = seen(BILLED_AT + DAY)
    assert "See your contract for prices and dates." in page
    assert "Overdue from INV-2026-000001: $49.00" in page


@pytest.mark.django_db(transaction=True)
def test_who_is_overdue_under_a_contract_is_led_to_their_contact(declined, alice, catalogue, settings, seen):
    assert "Update payment method" in seen(BILLED_AT)
    leave(declined, alice, BILLED_AT)
    open_contract(customer_id=declined.pk, plan=catalogue.enterprise, at=BILLED_AT + DAY, actor=None)
    page = seen(BILLED_AT + DAY)
    assert "Update payment method" not in page
    assert f"View invoice {settings.SALES_EMAIL}" in page
    assert "Plan Details Past due" in page


# --- whether a card is needed -----------------------------------------------------------------------------------------
def test_a_plan_that_needs_no_card_asks_for_none(customer, alice, seller, catalogue, at, seen):
    put_on(customer, alice, optional_plan(at), at)
    page = seen(MIDDLE)
    for part in (NOT_YET, "Add a payment method", "No payment method"):
        assert part not in page, part
    assert WITHOUT_CARD in page


def test_a_plan_that_needs_a_card_asks_for_one(plus, seen):
    assert NOT_YET not in seen(MIDDLE)
    without_card(plus, MIDDLE)
    page = seen(MIDDLE)
    for part in (f"{NOT_YET}: there is no payment method.", "Add a payment method before", "Details No payment method"):
        assert part in page, part


@pytest.mark.parametrize("lose", [without_card, lambda plus, _at: plus.payment_methods.update(exp_year=2026)])
def test_for_what_credits_have_paid_no_card_is_asked_for(plus, at, seen, lose):
    grant(plus, 90_000, at)
    lose(plus, at)
    plus.payment_methods.update(exp_month=10)
    run_billing(at=CALCULATED_AT)
    page = seen(CALCULATED_AT)
    assert "Final $0.00 on 20 Nov 2026 Nothing to pay." in page
    for part in (NOT_YET, "Add a payment method", "No payment method", "before your next payment", "From Visa"):
        assert part not in page, part


def test_staff_read_the_same(customer, alice, clerk, seller, catalogue, at, log_in):
    put_on(customer, alice, optional_plan(at), at)
    url = reverse("admin:customer_upcoming", args=[customer.key])
    with clock.travel_to(MIDDLE):
        assert "There is no payment method for it." not in log_in(clerk).get(url).content.decode()


# --- what is billed of a plan that was left ---------------------------------------------------------------------------
def test_a_follow_up_on_free_speaks_of_the_usage_on_it_alone(plus, alice, at, seen):
    leave(plus, alice, MIDDLE)
    send_late(plus, at + DAY, tokens=5_000_000, received=MIDDLE + timedelta(hours=1))
    without_card(plus, MIDDLE)
    assert "Usage of your plan before that reached us late $10.00" in seen(MIDDLE + timedelta(hours=2))
    run_billing(at=CALCULATED_AT)
    page = seen(CALCULATED_AT)
    assert "Final $10.00 on 20 Nov 2026" in page
    assert "Usage 20 Oct, 10:00 – 30 Oct 2026, 12:00 UTC, billed 20 Nov 2026." in page
    for part in ("goes on the next invoice", "Fees ", NOT_YET, "to keep Free", "No payment method"):
        assert part not in page, part


def test_enterprise_is_not_said_to_be_free_of_charge(customer, alice, seller, catalogue, at, seen):
    put_on(customer, alice, catalogue.enterprise, at)
    page = seen(MIDDLE)
    assert "Meridian Enterprise Prices by contract" in page
    assert "No charge" not in page


# --- when -------------------------------------------------------------------------------------------------------------
def test_the_next_invoice_begins_where_this_one_ends_whenever_it_was_calculated(plus, seen):
    late = CALCULATED_AT + 2 * DAY
    run_billing(at=late)
    page = seen(late)
    assert "Usage since 17 Nov 2026 goes on the next invoice." in page
    assert "Usage 17 Nov – 16 Dec 2026" in page


def test_each_figure_that_moves_says_of_when_it_is(plus, seen):
    assert seen(MIDDLE).count("As of 30 Oct 2026, 12:00 UTC.") == 2
    run_billing(at=CALCULATED_AT)
    page = seen(CALCULATED_AT)
    assert page.count("As of 17 Nov 2026, 01:05 UTC.") == 1
    assert "It does not change the invoice above. As of" in page


# --- what comes back --------------------------------------------------------------------------------------------------
def test_what_goes_back_to_credit_is_a_row(plus, at, clerk, seen, log_in):
    """The invoice was paid with credits; then a correction comes of usage on it."""
    grant(plus, 90_000, at)
    send_late(plus, at + DAY, tokens=5_000_000, received=at + DAY, event_id="wrong")
    run_billing(at=CALCULATED_AT)
    run_billing(at=BILLED_AT)
    received = BILLED_AT + DAY
    send_late(plus, at + DAY, tokens=-5_000_000, received=received, event_id="right", corrects="wrong")
    page = seen(received)
    for part in ("this period $49.00", "so far −$10.00", "Credits returned to your balance $10.00", "card $0.00"):
        assert part in page, part
    with clock.travel_to(received):
        staff = log_in(clerk).get(reverse("admin:customer_upcoming", args=[plus.key])).content.decode()
    assert "Credits returned to your balance" in staff
    assert adrift(staff) == []


def test_sums_that_do_not_add_up_are_found(plus, at, alice, log_in):
    send(plus, at + DAY, tokens=1_000_000)
    with clock.travel_to(MIDDLE):
        page = log_in(alice).get(URL).content.decode()
    assert "$51.00</td>" in page
    assert adrift(page) == []
    assert adrift(page.replace("$51.00</td>", "$51.01</td>")) == ["Total so far: 51.01, and its rows come to 51.00"]


# --- who may only read ------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_who_may_only_read_is_not_asked_to_confirm_a_payment(customer, alice, bob, seller, catalogue, at, seen):
    on_plus(customer, alice, catalogue, at, card=CONFIRMS)
    run_billing(at=CALCULATED_AT)
    run_billing(at=BILLED_AT)
    asked = "Your bank needs you to confirm $49.00."
    assert f"{asked} Confirm payment" in seen(BILLED_AT)
    page = seen(BILLED_AT, bob)
    assert f"{asked} View payment" in page
    assert "Confirm payment" not in page
