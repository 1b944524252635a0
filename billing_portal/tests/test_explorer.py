"""The usage explorer: what it shows is what is billed, and its address says what it shows."""

import csv
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from itertools import count

import pytest
from django.urls import reverse

from billing_portal.billing_run import RunReport, bill_due
from billing_portal.pages.explorer_forms import name_of
from billing_portal.tests.begun import Begun
from billing_portal.tests.people import on_free, on_plus
from core import clock
from invoices.models import InvoiceLine
from plans.models import Plan
from plans.seed import prepaid_plan
from plans.selectors.windows import recent_windows
from plans.services.cancel_subscription import cancel_subscription
from plans.services.open_contract import open_contract
from plans.services.schedule_change import schedule_change
from plans.tests.conftest import cancel_quote, send
from usage.services.ingest_events import ingest_events

URL, CSV = reverse("billing_usage"), reverse("billing_usage_csv")
BEGIN = datetime(2026, 10, 20, 10, tzinfo=UTC)
CALCULATED_AT = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FIRST = "2026-10-20T10:00:00Z"
HTMX = {"HX-Request": "true"}

_numbers = count()


def requests(customer, time, number, **data):
    """`number` requests at one instant."""
    base = {"specversion": "1.0", "source": "explorer", "subject": customer.key, "type": "api.request"}
    events = [{**base, "id": f"x{next(_numbers)}", "time": time.isoformat(), "data": data} for _ in range(number)]
    result = ingest_events(events=events, token_customer_id=None, at=time + timedelta(minutes=1))
    assert not result.rejected


def two_months(customer, alice, catalogue):
    on_plus(customer, alice, catalogue, BEGIN)
    edge = datetime(2026, 11, 17, tzinfo=UTC)
    requests(customer, BEGIN, 3, route="/first")
    requests(customer, BEGIN + timedelta(days=9, hours=3), 5, route="/a")
    requests(customer, edge - timedelta(microseconds=1), 2, route="/a")
    send(customer, BEGIN + timedelta(days=2), tokens=1_500_000)
    requests(customer, edge, 7, route="/b")
    bill_due(at=CALCULATED_AT, report=RunReport(at=""))
    requests(customer, edge + timedelta(days=3), 4)
    send(customer, edge + timedelta(days=4), tokens=900_000)


_two_months = Begun(two_months)


@pytest.fixture
def wonder(customer, alice, seller, catalogue, processor):
    """On Plus since 20 Oct: a month that is billed, with usage on the very edges of its window, and one that runs."""
    _two_months.again(processor, customer, alice, catalogue)
    with clock.travel_to(NOW):
        yield customer


def text(response, status=200):
    assert response.status_code == status
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def rows(response):
    assert response.status_code == 200
    return list(csv.DictReader(StringIO(b"".join(response.streaming_content).decode())))


def test_it_opens_with_the_running_window_of_the_plans_first_meter(wonder, alice, log_in):
    page = text(log_in(alice).get(URL))

    assert "API requests, 17 Nov – 24 Nov 2026, 12:00 UTC" in page
    assert "Used so far 11 requests in 8 days" in page
    assert "Charge so far $0.00" in page
    assert "Most on 17 Nov 2026 with 7 requests." in page
    assert "Last usage received 21 Nov 2026, 00:05 UTC" in page
    assert "Usage is delayed Nothing new for longer than usual" in page


@pytest.mark.parametrize(("meter", "line_title"), [("api-requests", "API requests"), ("ai-tokens", "AI tokens")])
@pytest.mark.parametrize("step", ["day", "hour"])
def test_page_download_and_invoice_agree(meter, line_title, step, wonder, alice, log_in):
    line = InvoiceLine.objects.get(title=line_title, invoice__isnull=False)
    asked = {"period": FIRST, "meter": meter, "step": step}
    client = log_in(alice)
    response = client.get(URL, asked)
    found = response.context["found"]

    assert (found.window.start, found.window.end) == (line.starts_at, line.ends_at)
    assert found.timeline.quantity == line.quantity > 0
    assert (found.charge.quantity, found.charge.amount) == (line.quantity, line.amount)
    assert found.charge.line_key == line.key
    assert sum(Decimal(row["quantity"]) for row in rows(client.get(CSV, asked))) == line.quantity


def test_the_values_of_a_dimension_sum_to_the_window(wonder, alice, log_in):
    asked = {"period": FIRST, "group": "route"}
    client = log_in(alice)
    page = text(client.get(URL, asked))
    exported = rows(client.get(CSV, asked))

    assert "/a 7 70.0 % /first 3 30.0 % Total 10" in page
    assert [(row["route"], row["quantity"]) for row in exported] == [("/first", "3"), ("/a", "5"), ("/a", "2")]
    assert exported[0]["start"] == "2026-10-20T10:00:00Z"
    assert exported[-1]["end"] == "2026-11-17T00:00:00Z"
    assert "Not given 4" in text(client.get(URL, {"group": "route"}))


def test_too_many_values_are_listed_as_one(wonder, alice, log_in):
    for number in range(25):
        requests(wonder, NOW - timedelta(days=1), 1, route=f"/r{number:02}")
    page = text(log_in(alice).get(URL, {"group": "route"}))

    assert "Other (7)" in page
    assert "The 20 values that used most are listed." in page


def test_a_dimension_of_another_meter_is_left_over_and_no_error(wonder, alice, log_in):
    page = text(log_in(alice).get(URL, {"meter": "ai-tokens", "group": "route"}))

    assert "900,000 tokens" in page
    assert "By route" not in page


def test_custom_dates_have_both_days_in(wonder, alice, log_in):
    client = log_in(alice)
    asked = {"period": "custom", "since": "2026-11-16", "until": "2026-11-17"}

    assert "Used 9 requests in 2 days" in text(client.get(URL, asked))
    assert client.get(URL, asked).context["found"].charge is None
    assert "API requests, 26 Oct – 24 Nov 2026, 12:00 UTC" in text(client.get(URL, {"period": "custom"}))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"since": "2026-11-18", "until": "2026-11-17"}, "Choose a last day that is not before the first one."),
        ({"since": "2025-01-01", "until": "2026-11-17"}, "Choose at most 366 days."),
        ({"since": "2026-10-01", "until": "2026-11-17", "step": "hour"}, "Hours are shown for up to 31 days."),
        ({"since": "yesterday"}, "Enter a valid date."),
        ({"step": "week"}, "Select a valid choice."),
        ({"meter": "nonsense"}, "Select a valid choice."),
        ({"period": "2020-01-01T00:00:00Z"}, "Select a valid choice."),
        ({"since": "2026-11-25", "until": "2026-11-26"}, "Choose a first day that is not after today."),
    ],
)
@pytest.mark.parametrize("url", [URL, CSV])
def test_a_wrong_filter_is_named(url, asked, said, wonder, alice, log_in):
    assert said in text(log_in(alice).get(url, {"period": "custom", **asked}), 422)


def test_hours_of_a_window_are_not_refused(wonder, alice, log_in):
    page = text(log_in(alice).get(URL, {"period": FIRST, "step": "hour"}))

    assert "in 662 hours" in page
    assert "29 Oct 2026, 13:00 UTC 5" in page


def test_no_usage_leads_back_to_what_there_is(wonder, alice, log_in):
    response = log_in(alice).get(URL, {"period": "custom", "since": "2026-09-01", "until": "2026-09-02"})

    assert "No usage matches." in text(response)
    assert f'href="{URL}">Clear filters' in response.content.decode()


def test_what_came_late_is_told_apart(wonder, alice, log_in):
    requests(wonder, BEGIN + timedelta(days=1), 2)
    page = text(log_in(alice).get(URL, {"period": FIRST}))

    assert "Used 12 requests" in page
    assert "2 requests more than was charged" in page
    assert "The difference goes on your next invoice." in page


def test_what_came_late_is_said_to_go_where_it_goes(wonder, alice, log_in, settings):
    settings.LATE_USAGE_MINIMUM = Decimal("0.50")
    requests(wonder, BEGIN + timedelta(days=1), 2)
    at = NOW - timedelta(days=2)
    cancel_subscription(quote=cancel_quote(wonder, at), at=at, actor=alice)
    requests(wonder, BEGIN + timedelta(days=1), 2)
    page = text(log_in(alice).get(URL, {"period": FIRST}))
    assert "The difference goes on a follow-up invoice, once what came late comes to $0.50." in page


def test_what_came_late_on_a_credits_only_plan_is_settled_with_credits(wonder, alice, log_in):
    begin, end = NOW - timedelta(hours=6), NOW - timedelta(hours=1)
    for plan, at in ((prepaid_plan(BEGIN), begin), (Plan.objects.with_cards().get(key="free"), end)):
        schedule_change(customer_id=wonder.pk, plan=plan, when="now", at=at, actor=None, reason="Agreed")
    send(wonder, begin + timedelta(hours=2), tokens=1_000_000)
    page = text(log_in(alice).get(URL, {"period": "2026-11-24T06:00:00Z", "meter": "ai-tokens"}))
    assert "1,000,000 tokens more than was charged" in page
    assert "The difference is settled with your credits." in page


def test_without_meters_nothing_is_wrong(customer, alice, seller, catalogue, log_in):
    on_free(customer, alice, BEGIN)
    open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=BEGIN, actor=None)
    client = log_in(alice)
    page = client.get(URL)
    assert "No meters" in text(page)
    assert "<title>Usage –" in page.content.decode()
    assert "No meters" in text(client.get(CSV))


def test_in_german_it_is_in_so_many_days(wonder, alice, log_in):
    page = log_in(alice).get(URL, headers={"Accept-Language": "de"})
    assert "in 8 Tagen" in text(page)
    assert "11 requests in 8 Tagen; am meisten: " in page.content.decode()


def test_htmx_gets_the_filters_and_the_answer_and_hears_it(wonder, alice, log_in):
    response = log_in(alice).get(URL, {"period": FIRST, "meter": "ai-tokens"}, headers=HTMX)
    body = response.content.decode().strip()

    assert body.startswith('<div id="explorer">')
    assert 'data-say="28 days, 1,500,000 tokens, $3.00"' in body
    assert 'hx-push-url="true"' in body
    assert "HX-Request" in response.headers["Vary"]
    back = log_in(alice).get(URL, headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert "<html" in back.content.decode()


def test_the_download_has_the_filters_of_the_page(wonder, alice, log_in):
    page = log_in(alice).get(URL, {"period": FIRST, "group": "route"}).content.decode()

    assert f"{CSV}?period=2026-10-20T10%3A00%3A00Z&amp;meter=api-requests&amp;step=day&amp;group=route" in page


def test_windows_follow_the_plans(wonder, alice, catalogue, log_in):
    cancelled_at = datetime(2026, 11, 20, 6, tzinfo=UTC)
    with clock.travel_to(cancelled_at):
        cancel_subscription(quote=cancel_quote(wonder, cancelled_at), at=cancelled_at, actor=alice)
    found = recent_windows(wonder.pk, NOW, past=12)

    assert [name_of(used) for used in found] == ["current", "2026-11-17T00:00:00Z", FIRST]
    assert [(used.window.start, used.window.end) for used in found[1:]] == [
        (datetime(2026, 11, 17, tzinfo=UTC), cancelled_at),
        (BEGIN, datetime(2026, 11, 17, tzinfo=UTC)),
    ]
    final = InvoiceLine.objects.get(title="API requests", starts_at=found[1].window.start)
    page = log_in(alice).get(URL, {"period": "2026-11-17T00:00:00Z"})
    assert page.context["found"].timeline.quantity == final.quantity == 11
    assert page.context["found"].charge.amount == final.amount


def test_free_counts_by_months_from_the_anchor(customer, alice, seller, catalogue, log_in):
    on_free(customer, alice, BEGIN)
    requests(customer, BEGIN + timedelta(days=3), 2)
    found = recent_windows(customer.pk, NOW, past=12)

    assert [(used.window.start.isoformat()[:16], used.window.end.isoformat()[:16]) for used in found] == [
        ("2026-11-20T00:00", "2026-12-20T00:00"),
        ("2026-10-20T10:00", "2026-11-20T00:00"),
    ]
    with clock.travel_to(NOW):
        page = text(log_in(alice).get(URL, {"period": FIRST}))
    assert "Used 2 requests in 31 days" in page


def test_on_a_credits_only_plan_it_speaks_of_credits(wonder, alice, log_in):
    at = NOW - timedelta(days=1)
    schedule_change(customer_id=wonder.pk, plan=prepaid_plan(BEGIN), when="now", at=at, actor=None, reason="Agreed")
    bill_due(at=at, report=RunReport(at=""))
    send(wonder, NOW - timedelta(hours=2), tokens=2_000_000)
    page = text(log_in(alice).get(URL))

    assert "AI tokens" in page
    assert "Credits used so far $20.00" in page


def test_a_viewer_may_look(wonder, bob, log_in):
    client = log_in(bob)
    assert "11 requests" in text(client.get(URL))
    assert len(rows(client.get(CSV))) == 8


@pytest.mark.parametrize("url", [URL, CSV])
def test_a_member_is_refused_with_the_name_of_who_can(url, wonder, dora, log_in):
    assert "Alice" in text(log_in(dora).get(url), 403)


@pytest.mark.parametrize("url", [URL, CSV])
def test_nobody_looks_without_logging_in(url, client, db):
    response = client.get(url)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/")


def test_charlie_explores_his_own_usage_only(wonder, charlie, other_customer, log_in):
    on_free(other_customer, charlie, BEGIN)
    page = text(log_in(charlie).get(URL))

    assert "No usage matches." in page
    assert "AI tokens" not in page


def test_it_asks_the_database_little(wonder, alice, log_in, django_assert_max_num_queries):
    client = log_in(alice)
    with django_assert_max_num_queries(15):
        client.get(URL, {"group": "route"})
    with django_assert_max_num_queries(13):
        client.get(URL, {"period": FIRST, "group": "route"})
    with django_assert_max_num_queries(11):
        rows(client.get(CSV, {"period": FIRST}))


def test_the_overview_leads_to_it(wonder, alice, log_in):
    assert f'href="{URL}"' in log_in(alice).get(reverse("billing_overview")).content.decode()
