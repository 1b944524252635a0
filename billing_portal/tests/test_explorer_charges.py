"""What a window costs in the usage explorer: every amount leads to a line of that amount, and together they are it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from billing_portal.billing_run import RunReport, bill_due
from billing_portal.tests.people import on_free, on_plus
from billing_portal.tests.test_explorer import BEGIN, CALCULATED_AT, FIRST, NOW, URL, text
from core import clock
from invoices.models import InvoiceLine
from plans.models import Plan, RateCard
from plans.seed import prepaid_plan
from plans.services.publish_plan import publish_plan
from plans.services.schedule_change import schedule_change
from plans.services.settle_usage import settle_usage
from plans.tests.conftest import send

SECOND = "2026-11-17T00:00:00Z"
NEXT_CALCULATED_AT = datetime(2026, 12, 17, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def bill(at=CALCULATED_AT):
    bill_due(at=at, report=RunReport(at=""))


@pytest.fixture
def explored(alice, log_in):
    """What the explorer shows of a window of the AI tokens, with each of its amounts looked up."""

    def explored(at, period=FIRST, meter="ai-tokens"):
        client = log_in(alice)
        with clock.travel_to(at):
            page = client.get(URL, {"period": period, "meter": meter})
            charge = page.context["found"].charge
            explained = [(line.title, line.amount) for line in charge.lines if line.key]
            for line in filter(lambda line: line.key, charge.lines):
                address = reverse("billing_explain", args=[line.key])
                assert f'href="{address}"' in page.content.decode()
                assert client.get(address).context["charge"].line.amount == line.amount
        assert page.content.decode().count('href="/settings/billing/explain/') == len(explained)
        return charge.amount, explained, text(page)

    return explored


@pytest.fixture
def wonder(customer, alice, seller, catalogue):
    on_plus(customer, alice, catalogue, BEGIN)
    return customer


def on_plan(customer, catalogue, tiers=(), **terms):
    """On a plan of tokens alone."""
    plan = Plan.objects.create(key="team", name="Team", currency="USD", position=4, payment_policy="optional")
    feature = catalogue.plus.rate_cards.get(key="ai-tokens").feature
    card = RateCard.objects.create(plan=plan, key="tokens", name="Tokens", feature=feature, **terms)
    for values in tiers:
        card.tiers.create(**values)
    plan = publish_plan(plan=plan, at=BEGIN, actor=None)
    schedule_change(customer_id=customer.pk, plan=plan, when="now", at=BEGIN, actor=None, reason="Agreed")


@pytest.fixture
def free(customer, alice, seller, catalogue):
    on_free(customer, alice, BEGIN - DAY)
    return customer


@pytest.fixture
def team(free, catalogue):
    """At least $5.00 a window, of which a first tier costs $2.00 whatever is used."""
    tier = {"up_to": None, "unit_amount": "0.01", "flat_amount": 200}
    on_plan(free, catalogue, [tier], model="graduated", minimum_amount=500)
    return free


def test_a_window_without_usage_leads_nowhere_until_something_came_late(wonder, explored):
    bill()
    send(wonder, BEGIN + DAY, tokens=500_000, received=NOW - DAY)
    amount, explained, page = explored(NOW)
    assert (amount, explained) == (0, [])
    assert "Charge $0.00" in page
    bill(NEXT_CALCULATED_AT)
    assert explored(NEXT_CALCULATED_AT)[:2] == (100, [("AI tokens (late usage)", 100)])


def test_what_came_late_is_a_line_beside_what_was_billed(wonder, explored):
    send(wonder, BEGIN + DAY, tokens=1_000_000)
    bill()
    send(wonder, BEGIN + DAY, tokens=500_000, received=NOW - DAY)
    bill(NEXT_CALCULATED_AT)
    amount, explained, page = explored(NEXT_CALCULATED_AT)
    assert (amount, explained) == (300, [("AI tokens", 200), ("AI tokens (late usage)", 100)])
    assert "AI tokens: $2.00" in page


def test_the_minimum_is_a_line_of_its_own(team, explored):
    send(team, BEGIN + DAY, tokens=100)
    bill()
    assert explored(NOW)[:2] == (500, [("Tokens", 300), ("Tokens (minimum)", 200)])


def test_what_costs_without_usage_is_shown(team, explored):
    bill()
    amount, explained, page = explored(NOW)
    assert (amount, explained) == (500, [("Tokens", 200), ("Tokens (minimum)", 300)])
    assert "No usage matches." in page
    assert "Charge $5.00" in page
    assert explored(NOW, "current")[:2] == (200, [("Tokens", 200)])


def test_a_window_that_came_to_nothing_has_no_line(free, catalogue, explored):
    on_plan(free, catalogue, model="unit", unit_amount=1, free_units=1_000)
    send(free, BEGIN + DAY, tokens=100)
    bill()
    assert not InvoiceLine.objects.exists()
    assert explored(NOW)[:2] == (0, [])


def test_hours_that_credit_has_paid_are_told_apart(wonder, explored):
    schedule_change(customer_id=wonder.pk, plan=prepaid_plan(BEGIN), when="now", at=NOW - DAY, actor=None, reason="x")
    send(wonder, NOW - timedelta(hours=5), tokens=2_000_000)
    settle_usage(customer_ids=[wonder.pk], at=NOW)
    send(wonder, NOW, tokens=100_000)
    amount, explained, page = explored(NOW + timedelta(minutes=30), "current")
    assert (amount, explained) == (2_100, [("Not charged yet", 100)])
    assert "Charged to credits so far: $20.00" in page


def test_the_meters_of_the_overview_lead_to_what_costs_without_usage(team, alice, log_in):
    client = log_in(alice)
    with clock.travel_to(BEGIN + DAY):
        page = client.get(reverse("billing_overview")).content.decode()
        [address] = re.findall(r'<a class="small" href="([^"]+)"[^>]*>Explain', page)
        assert client.get(address).context["charge"].line.amount == 200
