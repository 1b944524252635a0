"""A refusal of what htmx asked for stands on the page, says why, and has the focus."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import Membership, Role
from billing_portal.models import Run, RunKind
from billing_portal.tests.people import on_plus
from billing_portal.tests.test_overview import MIDDLE, URL
from core import clock
from invoices.tests.test_browser import enter
from plans.tests.conftest import send

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _refusals_are_no_errors(console_errors):
    """Chromium reports each answer of that kind."""
    yield
    console_errors[:] = [error for error in console_errors if "status of 403" not in error and "404" not in error]


@pytest.fixture
def plus(customer, alice, seller, catalogue, at):
    on_plus(customer, alice, catalogue, at)
    send(customer, at + timedelta(days=1), tokens=1_000_000)
    with clock.travel_to(MIDDLE):
        yield customer


def refused(page: Page, why: str) -> None:
    expect(page.locator("#notices")).to_contain_text(why)
    expect(page.locator("#notices .banner")).to_be_focused()
    expect(page.locator("#alert")).to_be_empty()
    expect(page.locator("[data-busy]")).to_have_count(0)


def test_whose_role_no_longer_reaches_is_told_who_can(plus, bob, page, live_server, log_in):
    enter(page, live_server, log_in(bob))
    page.goto(URL)
    Membership.objects.filter(user=bob).update(role=Role.MEMBER)
    page.locator("#usage").get_by_role("link", name="Refresh").click()
    refused(page, "Your role doesn't include billing. Ask Alice (alice@example.com).")
    expect(page.locator("#usage")).to_contain_text("Current usage")


def test_the_address_stays_where_the_page_stays(plus, bob, page, live_server, log_in):
    enter(page, live_server, log_in(bob))
    page.goto(reverse("billing_usage"))
    Membership.objects.filter(user=bob).update(role=Role.MEMBER)
    page.get_by_label("Show by").select_option("Hours")
    refused(page, "Your role doesn't include billing.")
    expect(page).to_have_url(re.compile("/usage/$"))


def test_what_is_gone_is_said_to_be_gone(plus, bob, page, live_server, log_in):
    enter(page, live_server, log_in(bob))
    page.goto(URL)
    Membership.objects.filter(user=bob).delete()
    page.locator("#upcoming").get_by_role("link", name="Refresh").click()
    refused(page, "This is no longer here. Reload the page.")


def test_staff_are_told_too_whatever_part_the_page_asked_for(clerk, page, live_server, log_in, db):
    run = Run.objects.create(kind=RunKind.BOOKS, wanted_at=clock.now(), key="run_" + "0" * 20)
    enter(page, live_server, log_in(clerk))
    page.goto(reverse("admin:runs_run", args=[run.pk]))
    expect(page.get_by_role("link", name="Look again")).to_be_visible()
    clerk.groups.clear()
    refused(page, "This needs the role Metering & Billing Admin or Billing Support or Auditor.")


def test_what_asks_by_itself_again_and_again_is_told_once(plus, bob, page, live_server, log_in):
    enter(page, live_server, log_in(bob))
    page.goto(URL)
    Membership.objects.filter(user=bob).update(role=Role.MEMBER)
    again = page.locator("#usage").get_by_role("link", name="Refresh")
    again.evaluate("link => { link.setAttribute('hx-trigger', 'every 200ms'); htmx.process(link); }")
    refused(page, "Your role doesn't include billing.")
    elsewhere = page.get_by_role("link", name="Go to billing portal").first
    elsewhere.focus()
    for _ in range(2):
        page.wait_for_event("requestfinished", lambda request: "usage-panel" in request.url)
    expect(elsewhere).to_be_focused()
