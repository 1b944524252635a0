"""What a browser fetches for a page it has never seen: few requests, little of it, and from nobody else."""

import gzip
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from playwright.sync_api import Page, Response

from billing_portal.chromium import settle
from billing_portal.tests.admin.test_staff_browser import enter
from billing_portal.tests.people import on_plus
from core.clock import now
from invoices.tests.cast import open_invoice
from plans.tests.conftest import send

pytestmark = pytest.mark.django_db(transaction=True)

REQUESTS = 7
BYTES = 60 * 1024  # gzipped, as the servers in front send it


@pytest.fixture
def addresses(customer, alice, catalogue, seller) -> list[str]:
    at = now() - timedelta(days=9)
    on_plus(customer, alice, catalogue, at)
    send(customer, now() - timedelta(days=1), requests=5, tokens=400_000)
    invoice = open_invoice(customer, 4900, at=at)
    names = ["settings", "billing_overview", "billing_usage", "plan_change", "portal", "credits", "billing_details"]
    return [reverse("invoice", args=[invoice.public_id]), *map(reverse, names)]


def first_load(page: Page, path: str) -> list[Response]:
    """Everything until its panels have come, by a browser with nothing kept."""
    fetched: list[Response] = []
    page.on("response", lambda response: fetched.append(response))
    page.goto(path)
    settle(page)
    page.wait_for_load_state("load")
    return fetched


def test_a_page_is_light(browser, live_server, addresses, log_in, alice):
    client = log_in(alice)
    heavy = {}
    for path in addresses:
        context = browser.new_context(base_url=live_server.url)
        page = enter(context.new_page(), client)
        fetched = first_load(page, path)
        size = sum(len(gzip.compress(one.body(), 6)) for one in fetched)
        hosts = {urlsplit(one.url).netloc for one in fetched}
        assert hosts == {urlsplit(live_server.url).netloc}
        if size > BYTES or len(fetched) > REQUESTS:
            heavy[path] = (size, [urlsplit(one.url).path for one in fetched])
        context.close()
    assert heavy == {}
