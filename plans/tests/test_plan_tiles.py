"""What «Change Plan» says of each plan, by what the customer is on and owes."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from core.clock import travel_to
from invoices.services.write_off_invoice import write_off_invoice
from invoices.tests.cast import open_invoice
from invoices.tests.test_selling import bought
from plans.services.archive_plan import archive_plan
from plans.services.open_contract import open_contract
from plans.tests.conftest import add_card

LATER = datetime(2026, 10, 31, 14, 5, tzinfo=UTC)
OVERDUE = datetime(2026, 12, 5, tzinfo=UTC)
PAY_FIRST = "Pay the overdue invoice first"


@pytest.fixture
def shown(as_alice):
    def page(at=LATER):
        with travel_to(at):
            return as_alice.get(reverse("plan_change")).text

    return page


def address(invoice):
    return reverse("invoice", args=[invoice.public_id])


def test_the_overdue_invoice_is_the_one_that_stands_in_the_way(free, customer, shown, at):
    """Not one that was given up, nor a purchase that nobody owes, which are due before it."""
    add_card(customer, at)
    purchase = bought(customer, at)
    given_up = open_invoice(customer, 1_000, collection="send_invoice")
    write_off_invoice(invoice_id=given_up.pk, at=LATER, actor=None, reason="gone")
    overdue = open_invoice(customer, 2_000, collection="send_invoice", at=at + timedelta(days=5))

    page = shown(OVERDUE)

    assert page.count(f'href="{address(overdue)}"') == page.count(PAY_FIRST) == 2  # above the plans, and on the tile
    assert not any(address(one) in page for one in (given_up, purchase.invoice))


def test_a_contract_is_promised_no_upgrade_once_it_is_paid(free, catalogue, customer, shown, at):
    open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=at, actor=None)
    open_invoice(customer, 4_900, collection="send_invoice")

    page = shown(OVERDUE)

    assert "There is no self-serve downgrade option for Enterprise plans." in page
    assert "You can upgrade" not in page
    assert PAY_FIRST not in page


def test_a_retired_plan_is_shown_to_who_is_on_it(plus, catalogue, shown):
    archive_plan(plan_id=catalogue.plus.pk, at=LATER, actor=None, reason="too old")

    page = shown()

    assert '<li class="tile" aria-current="true">' in page
    assert "You keep price list v1 until you change plan." in page
    assert page.index("<h2>Free</h2>") < page.index("<h2>Plus</h2>") < page.index("<h2>Enterprise</h2>")


def test_a_retired_plan_is_shown_to_nobody_else(free, catalogue, shown):
    archive_plan(plan_id=catalogue.plus.pk, at=LATER, actor=None, reason="too old")

    assert "<h2>Plus</h2>" not in shown()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("width", "first"), [(320, "Plus"), (1280, "Free")])
def test_on_a_narrow_screen_the_current_plan_comes_first(page, live_server, plus, alice, log_in, width, first):
    cookie = log_in(alice).cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/settings/billing/plan/")

    tiles = page.locator(".tile")
    boxes = {tile.locator("h2").inner_text(): tile.bounding_box() for tile in tiles.all()}

    assert min(boxes, key=lambda name: (round(boxes[name]["y"]), boxes[name]["x"])) == first
