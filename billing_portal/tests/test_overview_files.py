"""«Current usage» and «Upcoming invoice» as files: what they come to is what the page says."""

import csv
import re
from decimal import Decimal

import pytest
from django.urls import reverse

from billing_portal.billing_run import run_billing
from billing_portal.tests.begun import plus_since
from billing_portal.tests.people import on_free
from billing_portal.tests.test_overview import BILLED_AT, CALCULATED_AT, MIDDLE, URL, text
from billing_portal.tests.test_overview_panels import HOUR, odd, used  # noqa: F401 - a fixture
from core import clock
from plans.tests.conftest import send
from plans.tests.test_settle_usage import grant

FILES = ["billing_meters_csv", "billing_upcoming_csv"]


@pytest.fixture(autouse=True)
def _at_the_beginning(at):
    with clock.travel_to(at):
        yield


@pytest.fixture
def plus(customer, alice, seller, catalogue, at, processor):
    plus_since(at).again(processor, customer, alice, catalogue)
    return customer


def rows_of(client, name, at):
    with clock.travel_to(at):
        content = b"".join(client.get(reverse(name)).streaming_content)
    return list(csv.DictReader(content.decode().splitlines()))


def sum_of(rows):
    return sum(Decimal(row["amount"]) for row in rows)


def shown(client, label, at):
    """The amount in the row of that name on the page."""
    with clock.travel_to(at):
        page = text(client.get(URL))
    return Decimal(re.findall(rf'{label}</th><td class="num">\$([\d.,]+)<', page)[0].replace(",", ""))


def test_current_usage_has_a_row_per_meter(plus, at, alice, log_in):
    used(plus, at + HOUR, MIDDLE)
    client = log_in(alice)
    rows = rows_of(client, "billing_meters_csv", MIDDLE)
    [tokens] = [row for row in rows if Decimal(row["used"])]
    assert (tokens["meter"], tokens["used"], tokens["unit"]) == ("ai-tokens", "11000000", "tokens")
    assert (tokens["from"], tokens["to"]) == ("2026-10-20T10:00:00Z", "2026-10-30T12:00:00Z")
    assert Decimal(tokens["included"]) + Decimal(tokens["billable"]) >= Decimal(tokens["used"])
    assert sum_of(rows) == shown(client, "Usage so far, before tax", MIDDLE) == Decimal("22")


def test_the_upcoming_invoice_says_what_is_owed_and_what_still_counts(plus, at, alice, log_in):
    used(plus, at + HOUR, MIDDLE)
    client = log_in(alice)
    rows = rows_of(client, "billing_upcoming_csv", MIDDLE)
    assert [row["row"] for row in rows[:2]] == ["owed", "still counting"]
    assert sum_of(rows) == shown(client, "Total so far", MIDDLE) == Decimal("71")


def test_they_are_in_english_for_everybody(plus, at, alice, log_in):
    used(plus, at + HOUR, MIDDLE)
    client = log_in(alice)
    client.post(reverse("set_language"), {"language": "de"})
    rows = rows_of(client, "billing_upcoming_csv", MIDDLE)
    assert [row["title"] for row in rows] == ["Plus monthly fee", "AI tokens"]
    assert rows[1]["detail"] == "11,000,000 × $0.0020 per 1,000 tokens"


def test_once_calculated_it_is_the_invoice_to_the_cent(plus, at, alice, log_in):
    grant(plus, 1_000, at)
    used(plus, at + HOUR, MIDDLE)
    run_billing(at=CALCULATED_AT)
    send(plus, CALCULATED_AT, tokens=5_000_000)  # of the next one
    client = log_in(alice)
    rows = rows_of(client, "billing_upcoming_csv", CALCULATED_AT + HOUR)
    assert {row["row"] for row in rows} == {"owed", "credits used"}
    announced = sum_of(rows)
    run_billing(at=BILLED_AT)
    with clock.travel_to(BILLED_AT):
        [address] = set(re.findall(r"/settings/billing/invoices/inv_\w+/", text(client.get(reverse("portal")))))
        issued = b"".join(client.get(f"{address}lines.csv").streaming_content).decode()
    assert sum_of(csv.DictReader(issued.splitlines())) == announced == Decimal("61")


@pytest.mark.parametrize("name", FILES)
def test_they_are_for_those_who_may_read(name, plus, at, bob, dora, charlie, other_customer, client, log_in):
    on_free(other_customer, charlie, at)
    used(plus, at + HOUR, MIDDLE)
    with clock.travel_to(MIDDLE):
        assert log_in(bob).get(reverse(name)).status_code == 200
        assert log_in(dora).get(reverse(name)).status_code == 403
        assert client.get(reverse(name)).status_code == 302
    assert sum_of(rows_of(log_in(charlie), "billing_meters_csv", MIDDLE)) == 0


def test_where_no_invoice_comes_there_is_no_file(charlie, other_customer, seller, catalogue, at, log_in):
    on_free(other_customer, charlie, at)
    with clock.travel_to(MIDDLE):
        assert log_in(charlie).get(reverse("billing_upcoming_csv")).status_code == 404


def test_what_cannot_be_worked_out_now_has_none_either(odd, alice, log_in):  # noqa: F811
    with clock.travel_to(MIDDLE):
        client = log_in(alice)
        assert [client.get(reverse(name)).status_code for name in FILES] == [404, 404]


@pytest.mark.parametrize("name", FILES)
def test_they_ask_as_much_as_the_page_at_most(name, plus, at, alice, log_in, django_assert_max_num_queries):
    used(plus, at + HOUR, MIDDLE)
    client = log_in(alice)
    with django_assert_max_num_queries(15):
        assert rows_of(client, name, MIDDLE)
