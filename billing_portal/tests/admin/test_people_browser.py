"""The customer page in a real browser, by its labels: people, mapping, and looking as a viewer."""

from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import AuditEntry, Membership, UsageSubject
from billing_portal.chromium import dress, settle
from billing_portal.tests.admin.test_staff_browser import enter
from billing_portal.tests.looks import problems
from billing_portal.tests.people import on_plus
from core.clock import now
from plans.tests.conftest import send

pytestmark = pytest.mark.django_db(transaction=True)


def give_why(page: Page, button: str) -> None:
    page.get_by_label("Reason").fill("Asked by phone")
    page.get_by_role("button", name=button, exact=True).click()


def invite_and_promote(page: Page) -> None:
    page.get_by_role("link", name="Invite a person").click()
    page.get_by_label("E-mail address").fill("new@example.com")
    page.get_by_label("Role").select_option(label="Billing viewer")
    give_why(page, "Invite")
    expect(page.get_by_text("new@example.com is billing viewer now")).to_be_visible()
    page.get_by_role("link", name="Change role of new@example.com").click()
    page.get_by_label("Billing admin", exact=True).check()
    give_why(page, "Change role")
    expect(page.get_by_role("row").filter(has_text="new@example.com")).to_contain_text("Billing admin")


def map_and_unmap(page: Page) -> None:
    page.get_by_role("link", name="Add usage mapping").click()
    page.get_by_label("Consumer").check()
    page.get_by_label("Value").fill("team-7")
    give_why(page, "Add")
    expect(page.get_by_role("row").filter(has_text="team-7")).to_contain_text("Consumer")
    page.get_by_role("link", name="Remove team-7").click()
    expect(page.get_by_text("New events of “team-7” are refused as unknown")).to_be_visible()
    give_why(page, "Remove")
    expect(page.get_by_role("row").filter(has_text="team-7")).to_have_count(0)


def look_and_stop(page: Page) -> None:
    page.get_by_role("link", name="Log in as viewer").click()
    give_why(page, "Log in as viewer")
    expect(page.get_by_role("heading", name="Billing and Usage", level=1)).to_be_visible()
    bar = page.get_by_role("region", name="Viewing as a customer")
    expect(bar).to_contain_text("Read-only, until")
    page.get_by_role("link", name="Go to billing portal").first.click()
    expect(bar).to_contain_text("Wonder Ltd")
    page.get_by_role("button", name="Stop viewing").click()
    expect(page.get_by_role("heading", name="Wonder Ltd", level=1)).to_be_visible()
    expect(bar).to_have_count(0)


def walk(page: Page, customer) -> None:
    page.goto(reverse("admin:customer", args=[customer.key]))
    invite_and_promote(page)
    map_and_unmap(page)
    look_and_stop(page)
    page.get_by_role("link", name="Audit").click()
    page.get_by_label("Action").select_option(label="Remove usage mapping")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("row").filter(has_text="team-7")).to_contain_text("Asked by phone")
    assert AuditEntry.objects.filter(action__in=("begin_viewing", "end_viewing")).count() == 2


@pytest.fixture
def plus(customer, alice, bob, catalogue, seller):
    on_plus(customer, alice, catalogue, now() - timedelta(days=9))
    send(customer, now() - timedelta(days=1), tokens=400_000)
    return customer


def test_staff_change_people_and_look_as_a_viewer(page, log_in, clerk, plus):
    enter(page, log_in(clerk))
    walk(page, plus)
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", name="Upcoming invoice")).to_be_visible()
    page.locator("#upcoming").get_by_text("Explain", exact=False).first.click()
    expect(page.locator("#upcoming .calc").first).to_be_visible()


def test_staff_do_so_without_a_script(page_without_js, log_in, clerk, plus):
    page = page_without_js
    enter(page, log_in(clerk))
    walk(page, plus)
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("link", name="Show the next payment").click()
    expect(page.get_by_role("heading", name="Upcoming invoice")).to_be_visible()


def addresses(customer, alice) -> list[str]:
    names = ["customer", "customer_upcoming", "customer_usage", "customer_audit", "customer_rename", "customer_details"]
    names += ["customer_subject_add", "customer_unpark", "customer_invite", "customer_view"]
    member = Membership.objects.get(user=alice)
    people = ["customer_role", "customer_person_remove", "customer_invite_again"]
    mapped = UsageSubject.objects.create(customer=customer, subject="gateway-" + "x" * 60)
    return [
        *(reverse(f"admin:{name}", args=[customer.key]) for name in names),
        *(reverse(f"admin:{name}", args=[customer.key, member.pk]) for name in people),
        reverse("admin:customer_subject_remove", args=[customer.key, mapped.pk]),
    ]


def test_nobody_is_kept_out_of_the_customer_page(page, log_in, clerk, plus, alice):
    client = log_in(clerk)
    enter(page, client)
    dress(page)
    urls, found = addresses(plus, alice), {}

    def look(paths):
        for path in paths:
            page.goto(path)
            settle(page)
            found[path] = problems(page)

    look(urls)
    page.goto(reverse("admin:customer_usage", args=[plus.key]))
    look([page.get_by_role("link", name="Explain").first.get_attribute("href")])
    client.post(reverse("admin:customer_view", args=[plus.key]), {"key": "0" * 32, "reason": "Ticket"})
    look([reverse("billing_overview"), reverse("settings"), urls[0]])
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
