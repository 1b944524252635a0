"""Sentences of «Billing and Usage» that are true for some customers only."""

import re
from datetime import date, timedelta
from html import unescape

import pytest
from django.urls import reverse

from billing_portal.billing_run import run_billing
from billing_portal.tests.people import on_free, on_plus
from billing_portal.tests.test_overview import CALCULATED_AT, MIDDLE, URL
from core import clock
from plans.models import Plan
from plans.services.draft_contract import draft_contract
from plans.services.publish_plan import publish_plan
from plans.services.schedule_change import schedule_change
from plans.tests.conftest import send
from plans.tests.test_settle_usage import grant

HTMX = {"HX-Request": "true"}
AT_SIGN_UP = "You are not billed at sign-up."
MONTHLY = "Users are billed monthly on the subscription date, and charges are calculated three days before"


@pytest.fixture
def seen(alice, log_in):
    """The text of the page as somebody sees it."""

    def seen(now, who=alice, url=URL, **more):
        with clock.travel_to(now):
            response = log_in(who).get(url, **more)
        words = " ".join(unescape(re.sub("<[^>]+>", " ", response.content.decode())).split())
        return words.replace(" .", ".").replace(" ,", ",")

    return seen


@pytest.fixture
def plus(customer, alice, seller, catalogue, at):
    with clock.travel_to(at):
        on_plus(customer, alice, catalogue, at)
    return customer


@pytest.fixture
def under_contract(customer, alice, seller, catalogue, at):
    """Puts alice's customer on a copy of Plus of its own whose fee falls due as is said."""

    def under_contract(timing):
        on_free(customer, alice, at)
        draft = draft_contract(
            customer_id=customer.pk,
            plan_id=catalogue.plus.pk,
            name="Own",
            values={},
            at=at,
            actor=None,
            reason="Test",
        )
        draft.rate_cards.filter(model="flat").update(timing=timing)
        publish_plan(plan=Plan.objects.with_cards().get(pk=draft.pk), at=at, actor=None)
        own = Plan.objects.with_cards().get(pk=draft.pk)
        schedule_change(customer_id=customer.pk, plan=own, when="now", at=at, actor=None, reason="Test")

    return under_contract


def test_it_says_until_when_usage_is_on_this_invoice(plus, seen):
    page = seen(MIDDLE)
    assert f"{AT_SIGN_UP} {MONTHLY}" in page
    assert "Usage after 17 Nov 2026, 00:00 UTC goes on the next invoice." in page


@pytest.mark.parametrize(("timing", "said"), [("in_arrears", True), ("in_advance", False)])
def test_who_was_billed_at_once_does_not_read_that_nobody_is(under_contract, seen, timing, said):
    under_contract(timing)
    page = seen(MIDDLE)
    assert MONTHLY in page
    assert (AT_SIGN_UP in page) is said


@pytest.mark.parametrize(
    ("begun", "said"),
    [
        (date(2026, 10, 20), "Billing day day 20 of each month"),
        (date(2026, 10, 31), "Billing day day 31 of each month, or its last day"),
    ],
)
def test_it_names_the_billing_day(customer, alice, seller, catalogue, at, seen, begun, said):
    at = at.replace(month=begun.month, day=begun.day)
    with clock.travel_to(at):
        on_plus(customer, alice, catalogue, at)
    assert said in seen(at + timedelta(days=1))


def test_free_has_no_charge_and_no_billing_day(customer, alice, seller, catalogue, at, seen):
    on_free(customer, alice, at)
    page = seen(MIDDLE)
    assert "Meridian Free No charge" in page
    assert "Billing day" not in page


def test_what_free_does_not_include_is_not_said_to_be_billed(customer, alice, seller, catalogue, at, seen):
    on_free(customer, alice, at)
    send(customer, at, requests=5_007)
    assert "5,007 of 5,000 included (7 more, not charged)" in seen(MIDDLE)


def test_what_plus_does_not_include_is_billed(plus, at, seen):
    send(plus, at + timedelta(hours=1), requests=10_007)
    assert "10,007 of 10,000 included (7 billed)" in seen(MIDDLE)


def test_a_window_without_usage_says_so_also_after_others_had_some(plus, at, seen):
    send(plus, at + timedelta(hours=1), tokens=1_000)
    assert "No usage recorded since" not in seen(MIDDLE)
    page = seen(CALCULATED_AT - timedelta(minutes=5))
    assert "No usage recorded since" not in page
    run_billing(at=CALCULATED_AT)
    page = seen(CALCULATED_AT)
    assert "No usage recorded since 17 Nov 2026. Usage appears here within a minute of being sent." in page
    assert "Send usage with an API token" in page


def test_what_credit_leaves_is_paid_by_whom_it_is_paid(plus, at, seen):
    grant(plus, 1_000, at)
    page = seen(MIDDLE)
    assert "Remainder on card $39.00" in page
    plus.payment_methods.update(is_default=False, deleted_at=MIDDLE)
    assert "Remainder to pay $39.00" in seen(MIDDLE)


def test_under_a_contract_no_card_pays_the_rest(under_contract, customer, at, seen):
    under_contract("in_arrears")
    grant(customer, 1_000, at)
    page = seen(MIDDLE)
    assert "Remainder to pay $39.00" in page
    assert "on card" not in page


def test_charges_that_come_to_nothing_are_final_too(plus, at, seen):
    grant(plus, 90_000, at)
    run_billing(at=CALCULATED_AT)
    assert "Charges for this period are final: nothing will be charged on 20 Nov 2026." in seen(CALCULATED_AT)


def test_the_chart_leads_to_how_it_is_projected(plus, at, alice, log_in):
    for day in range(1, 10):
        send(plus, at + timedelta(days=day), tokens=1_000_000)
    with clock.travel_to(at + timedelta(days=9, hours=1)):
        page = log_in(alice).get(URL).content.decode()
    assert '<a class="no-print" href="#projection">How it is projected</a>' in page
    assert 'id="projection">Projected by counting the median' in page


def test_where_nothing_can_be_charged_no_charge_may_rise(customer, alice, seller, catalogue, at, seen):
    on_free(customer, alice, at)
    for hour in range(5):
        send(customer, at + timedelta(hours=hour), requests=1)
    page = seen(at + timedelta(hours=9))
    assert "Usage is delayed (last update 20 Oct 2026, 14:05 UTC). What you used since then is not counted yet." in page
    assert "Charges may rise" not in page


# --- who may only read ------------------------------------------------------------------------------------------------
def test_a_viewer_is_offered_nothing_that_only_a_billing_admin_can_do(plus, alice, bob, log_in, seen):
    plus.payment_methods.update(is_default=False, deleted_at=MIDDLE)
    theirs, own = seen(MIDDLE, who=bob), seen(MIDDLE)
    warning = "Add a payment method before 20 Nov 2026 to keep Plus."
    assert f"{warning} Add a payment method" in own
    assert warning in theirs
    assert f"{warning} Add a payment method" not in theirs
    for who, page in ((alice, own), (bob, theirs)):
        assert ("Set a budget" in page) is (who is alice)
        assert ("See budget and alerts" in page) is (who is bob)


def test_a_refreshed_panel_knows_who_looks(plus, bob, seen):
    url = reverse("billing_usage_panel")
    assert "Set a budget" in seen(MIDDLE, url=url, headers=HTMX)
    assert "See budget and alerts" in seen(MIDDLE, who=bob, url=url, headers=HTMX)


def test_only_who_may_make_a_token_is_led_to_them(plus, alice, bob, seen):
    assert "Send usage with an API token" in seen(MIDDLE, who=alice)
    page = seen(MIDDLE, who=bob)
    assert "No usage recorded since" in page
    assert "Send usage with an API token" not in page
