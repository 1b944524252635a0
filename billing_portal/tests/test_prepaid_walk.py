"""Prepaid credits from the price list to the ledger, click by click in a real browser, on a real token trace."""

import csv
import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from django.core.management import call_command
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import Customer
from accounts.services.create_api_token import create_api_token
from billing_portal import tasks
from billing_portal.tests.admin.test_staff_browser import enter, make_customer, publish, subscribe
from billing_portal.tests.test_walk import TOKEN_TRACE
from core import clock
from credits.models import LedgerTransaction

pytestmark = pytest.mark.django_db(transaction=True)

GRANTED_AT = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
DAY_AFTER = datetime(2026, 11, 3, 0, 10, tzinfo=UTC)
WORTH = 80  # dollars, that the whole trace costs


def trace_tokens() -> int:
    with TOKEN_TRACE.open(newline="") as file:
        return sum(int(row["ContextTokens"]) + int(row["GeneratedTokens"]) for row in csv.DictReader(file))


def price_per_million(tokens: int) -> Decimal:
    return (Decimal(WORTH) * 1_000_000 / tokens).quantize(Decimal("0.01"))


def make_plan(page: Page, price: Decimal) -> None:
    page.goto(reverse("admin:product_catalog"))
    page.get_by_role("navigation", name="Product Catalog").get_by_role("link", name="Plans").click()
    page.get_by_role("link", name="New plan").click()
    page.get_by_label("Name").fill("Prepaid")
    page.get_by_label("Currency").fill("USD")
    page.get_by_role("group", name="Settlement mode").get_by_label("Credits only").check()
    page.get_by_role("button", name="Add Rate Card").click()
    page.get_by_label("Usage based").check()
    page.get_by_label("Feature").fill("ai-tokens")
    page.get_by_role("textbox", name="Price per unit", exact=True).fill(str(price))
    page.get_by_label("Per N units").fill("1000000")


def grant(page: Page, amount: str) -> None:
    page.get_by_role("navigation", name="Customer", exact=True).get_by_role("link", name="Credits").click()
    page.get_by_role("link", name="Grant Credits").click()
    expect(page.get_by_role("heading", name="New credit grant")).to_be_visible()
    page.get_by_label("Credit amount").fill(amount)
    page.get_by_label("Currency").fill("USD")
    page.get_by_label("Reason").fill("Signed order")
    page.get_by_label("Promotional / Free").check()
    page.get_by_label("Available immediately on grant").check()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="Grant Summary")).to_be_visible()
    page.get_by_role("button", name="Grant credits").click()
    expect(page.locator("#new")).to_be_visible()
    page.wait_for_load_state()  # all of the history


def history(page: Page) -> list[list[str]]:
    """Type, amount, before, after of every row of «Transaction History», newest first."""
    rows = page.locator("#history tbody tr")
    cells = ("Type", "Amount", "Balance before", "Balance after")
    return [
        [rows.nth(place).locator(f'[data-label="{cell}"]').first.inner_text().split("\n")[0].strip() for cell in cells]
        for place in range(rows.count())
    ]


def cents(text: str) -> int:
    found = re.search(r"([−+-]?)\$([\d,]+)\.(\d\d)", text)
    assert found, text
    sign, whole, part = found.groups()
    return (-1 if sign in ("−", "-") else 1) * (int(whole.replace(",", "")) * 100 + int(part))


def adds_up(rows: list[list[str]]) -> bool:
    """Every row continues the one before it, and does what it says."""
    figures = [[cents(cell) for cell in row[1:]] for row in rows]
    chained = all(newer[1] == older[2] for newer, older in pairwise(figures))
    return chained and all(before + amount == after for amount, before, after in figures)


def send(client, customer: Customer, tokens: int, at: datetime) -> None:
    _token, secret = create_api_token(customer=customer, name="gateway", at=at, actor=None)
    event = {
        "specversion": "1.0", "id": "late-1", "source": "gateway", "type": "ai.tokens", "subject": "glass-app",
        "time": at.isoformat(), "data": {"tokens": tokens},
    }  # fmt: skip
    response = client.post(
        "/api/v1/events", json.dumps(event), content_type="application/cloudevents+json",
        headers={"Authorization": f"Bearer {secret}"},
    )  # fmt: skip
    assert response.json()["accepted"] == 1


@pytest.mark.parametrize("browser_page", ["page", "page_without_js"])
def test_it_walks_from_the_plan_to_a_ledger_that_proves_itself(
    request, browser_page, log_in, staff, catalogue, seller, client
):
    page: Page = enter(request.getfixturevalue(browser_page), log_in(staff))
    tokens = trace_tokens()
    with clock.travel_to(GRANTED_AT):
        make_plan(page, price_per_million(tokens))
        publish(page)
        make_customer(page)
        subscribe(page)
        grant(page, "100")
        expect(page.locator("#new")).to_contain_text("+$100.00")
        expect(page.get_by_test_id("settled")).to_have_text("$100.00")

    customer = Customer.objects.get(name="Looking Glass Ltd")
    credits = reverse("admin:customer_credits", args=[customer.key])
    use_trace(customer)
    with clock.travel_to(DAY_AFTER):
        tasks.settle_credits()
        page.goto(credits)
        rows = history(page)
        assert {row[0] for row in rows} == {"Funded", "Consumed"}
        assert adds_up(rows)
        left = cents(page.get_by_test_id("settled").inner_text())
        assert abs(left - (100 - WORTH) * 100) < 100

        send(client, customer, tokens, DAY_AFTER)
        tasks.settle_credits()
        page.goto(credits)
        available = cents(page.get_by_test_id("available").inner_text())
        assert available < 0 < left
        assert cents(page.get_by_test_id("settled").inner_text()) == left

    with clock.travel_to(DAY_AFTER.replace(hour=1)):
        tasks.settle_credits()
        page.goto(credits)
        expect(page.get_by_test_id("settled")).to_have_text(page.get_by_test_id("available").inner_text())
        overdrawn = cents(page.get_by_test_id("settled").inner_text())
        assert overdrawn == available
        grant(page, "100")
        assert cents(page.get_by_test_id("available").inner_text()) == overdrawn + 100_00
        rows = history(page)
        assert rows[0][0].startswith("Funded")
        assert adds_up(rows)
        call_command("verify_ledger", customer=customer.key)
        call_command("check_books")
    assert LedgerTransaction.objects.filter(customer=customer).count() >= 5


def use_trace(customer: Customer) -> None:
    where = ("--customer", customer.key, "--shift-to", f"{GRANTED_AT:%Y-%m-%d}", "--at", f"{DAY_AFTER:%Y-%m-%dT%H:%MZ}")
    call_command("import_usage", str(TOKEN_TRACE), "--format", "llm-trace", *where)
