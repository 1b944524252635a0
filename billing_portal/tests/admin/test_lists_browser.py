"""The lists of staff in a real browser: an invoice is found, narrowed down to, and taken away, by the labels alone."""

from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from billing_portal.tests.admin.test_staff_browser import enter
from billing_portal.tests.looks import problems_on
from invoices.tests.cast import open_invoice

pytestmark = pytest.mark.django_db(transaction=True)

LISTS = ("accounts_customer", "invoices_invoice", "invoices_payment", "plans_subscription", "accounts_auditentry")


@pytest.fixture
def overdue(seller, customer):
    """Due long ago by the wall clock."""
    return open_invoice(customer, 4900)


def find_and_take(page: Page, number: str) -> None:
    page.goto(reverse("admin:invoices_invoice_changelist"))
    page.get_by_role("link", name="Past due", exact=True).click()
    page.get_by_label("Search").fill(number)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("row").filter(has_text=number)).to_contain_text("Past due")
    expect(page.get_by_text("1 invoice", exact=True)).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download CSV").click()
    lines = Path(taken.value.path()).read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["number", number]


@pytest.mark.parametrize("browser_page", ["page", "page_without_js"])
def test_staff_find_an_invoice_and_take_it_away(browser_page, log_in, clerk, overdue, request):
    page = enter(request.getfixturevalue(browser_page), log_in(clerk))
    find_and_take(page, overdue.number)
    page.get_by_role("link", name="Clear search").click()
    expect(page.get_by_label("Search")).to_have_value("")


def test_nobody_is_kept_out_of_a_list(page, log_in, clerk, overdue):
    enter(page, log_in(clerk))
    lists = [reverse(f"admin:{table}_changelist") for table in LISTS]
    assert problems_on(page, (url + query for url in lists for query in ("", "?q=nothing"))) == {}
