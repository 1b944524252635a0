"""Usage that came after its window was billed is never lost, and corrections go the other way."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEntry, Customer
from core.clock import travel_to
from core.tests.recorded import Recorded
from invoices.models import Invoice, InvoiceLine, InvoiceStatus
from invoices.services.finalize_invoices import finalize_invoices
from plans import books
from plans.models import RatedUsage, Subscription
from plans.selectors import current_subscription, due_for_follow_up, running, upcoming_invoice
from plans.services.bill_late_usage import bill_late_usage
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.services.change_plan import change_plan
from plans.tests.conftest import cancel_quote, change_quote, go_plus, new_plan, pay, send, tokens_card
from plans.tests.test_calculate_charges import crowd
from usage.services.ingest_events import ingest_events

NOVEMBER = datetime(2026, 11, 17, 1, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 17, 1, tzinfo=UTC)
JANUARY = datetime(2027, 1, 17, 1, tzinfo=UTC)


def send_late(customer, time, *, tokens, received, event_id="late", corrects=""):
    """One event that reaches us long after it was used."""
    event = {
        "specversion": "1.0", "source": "test", "subject": customer.key, "time": time.isoformat(), "id": event_id,
        "type": "ai.tokens", "data": {"tokens": tokens},
    }  # fmt: skip
    if corrects:
        event["corrects"] = corrects
    result = ingest_events(events=[event], token_customer_id=None, at=received)
    assert not result.rejected, result.rejected


def calculate(customer, at) -> Any:
    spell = current_subscription(customer.pk)
    assert spell is not None
    [invoice] = calculate_charges(subscription_ids=[spell.pk], at=at)
    return invoice


def late_lines(invoice):
    return [
        (line.key.split(":")[-1], line.amount, line.detail) for line in invoice.lines.filter(key__contains=":late:")
    ]


def bill_november(customer, at):
    send(customer, at + timedelta(days=1), tokens=1_000_000)
    invoice = calculate(customer, NOVEMBER)
    finalize_invoices(invoice_ids=[invoice.pk], at=datetime(2026, 11, 20, 0, 5, tzinfo=UTC))
    pay(invoice, datetime(2026, 11, 20, 0, 6, tzinfo=UTC))


_billed = cache(lambda at: Recorded(lambda customer: bill_november(customer, at)))


@pytest.fixture
def billed(plus, customer, at):
    """1,000,000 tokens used and billed with November's invoice: 2.00."""
    _billed(at).again(customer)
    return plus


def test_the_next_invoice_carries_what_the_window_would_have_cost_more(billed, customer, at):
    send_late(customer, at + timedelta(days=2), tokens=500_000, received=NOVEMBER + timedelta(days=5))

    invoice = calculate(customer, DECEMBER)

    [line] = invoice.lines.filter(key__contains=":late:")
    assert (line.title, line.amount) == ("AI tokens (late usage)", 100)
    assert line.key == f"subscription:{billed.pk}:late:ai-tokens:2026-10-20T10:00:00Z:1"
    assert line.detail == "1,500,000 × $0.0020 per 1,000 tokens − $2.00 billed before"
    assert (line.starts_at, line.ends_at) == (at, datetime(2026, 11, 17, tzinfo=UTC))
    assert invoice.subtotal == 4_900 + 100


def test_it_is_posted_once_and_again_only_for_what_came_since(billed, customer, at):
    send_late(customer, at + timedelta(days=2), tokens=500_000, received=NOVEMBER + timedelta(days=5))
    first = calculate(customer, DECEMBER)
    send_late(customer, at + timedelta(days=3), tokens=250_000, received=DECEMBER + timedelta(days=5), event_id="later")
    second = calculate(customer, JANUARY)
    third = calculate(customer, JANUARY + timedelta(days=31))

    assert [late_lines(invoice) for invoice in (first, second, third)] == [
        [("1", 100, "1,500,000 × $0.0020 per 1,000 tokens − $2.00 billed before")],
        [("2", 50, "1,750,000 × $0.0020 per 1,000 tokens − $3.00 billed before")],
        [],
    ]
    assert list(books.check()) == []


def test_it_keeps_to_the_included_units_of_the_window(plus, customer, at):
    send(customer, at + timedelta(days=1), requests=5)
    calculate(customer, NOVEMBER)
    event = {"specversion": "1.0", "source": "late", "subject": customer.key, "type": "api.request", "data": {}}
    events = [{**event, "id": f"e{n}", "time": (at + timedelta(days=1)).isoformat()} for n in range(20)]
    ingest_events(events=events, token_customer_id=None, at=NOVEMBER + timedelta(days=1))

    assert late_lines(calculate(customer, DECEMBER)) == []
    rows = RatedUsage.objects.filter(rate_card__key="api-requests").order_by("window_starts_at", "number")
    assert list(rows.values_list("number", "quantity", "amount")) == [(0, 5, 0), (1, 25, 0), (0, 0, 0)]


def test_a_correction_makes_the_line_negative(plus, customer, at):
    send_late(customer, at + timedelta(days=1), tokens=1_000_000, received=at + timedelta(days=1), event_id="wrong")
    calculate(customer, NOVEMBER)
    send_late(
        customer, at + timedelta(days=1), tokens=-400_000, received=NOVEMBER + timedelta(days=2), event_id="right",
        corrects="wrong",
    )  # fmt: skip

    invoice = calculate(customer, DECEMBER)

    assert late_lines(invoice) == [("1", -80, "600,000 × $0.0020 per 1,000 tokens − $2.00 billed before")]
    assert (invoice.subtotal, list(books.check())) == (4_820, [])


def test_the_closing_invoice_carries_it_too(billed, customer, at):
    send_late(customer, at + timedelta(days=2), tokens=500_000, received=NOVEMBER + timedelta(days=5))
    ends_at = datetime(2026, 11, 25, 8, tzinfo=UTC)

    quote = cancel_quote(customer, ends_at)
    done = cancel_subscription(quote=quote, at=ends_at, actor=None)

    assert [row["title"] for row in quote.lines] == ["Plus monthly fee", "AI tokens (late usage)"]
    assert done.invoice is not None
    assert (done.invoice.total, quote.total) == (917, 917)


def test_discarding_a_draft_takes_a_late_posting_back(billed, customer, at):
    send_late(customer, at + timedelta(days=2), tokens=500_000, received=NOVEMBER + timedelta(days=5))
    draft = calculate(customer, DECEMBER)
    ends_at = datetime(2026, 12, 18, 8, tzinfo=UTC)

    done = cancel_subscription(quote=cancel_quote(customer, ends_at), at=ends_at, actor=None)

    draft.refresh_from_db()
    assert (draft.status, draft.lines.count()) == (InvoiceStatus.VOID, 0)
    assert late_lines(done.invoice) == [("1", 100, "1,500,000 × $0.0020 per 1,000 tokens − $2.00 billed before")]
    assert list(books.check()) == []


def test_late_usage_of_an_earlier_plan_keeps_that_plans_price(plus, customer, catalogue, at):
    pro = new_plan("pro", cards=[tokens_card("0.001")], at=at)
    changed_at = at + timedelta(days=5)
    change_plan(quote=change_quote(customer, pro, changed_at), at=changed_at, actor=None)
    send_late(customer, at + timedelta(days=2), tokens=1_000_000, received=at + timedelta(days=6))

    invoice = calculate(customer, NOVEMBER)

    [line] = invoice.lines.filter(key__contains=":late:")
    assert line.key.startswith(f"subscription:{plus.pk}:late:")
    assert (line.amount, line.explain["plan"], list(books.check())) == (200, "plus", [])


def test_the_upcoming_invoice_shows_it_meanwhile(billed, customer, at):
    send_late(customer, at + timedelta(days=2), tokens=500_000, received=NOVEMBER + timedelta(days=5))

    shown = upcoming_invoice(running(customer, DECEMBER))
    invoice = calculate(customer, DECEMBER)

    assert [line.title for line in shown.late] == ["AI tokens (late usage)"]
    assert [(line.key, line.amount) for line in (*shown.owed, *shown.counting)] == [
        (line.key, line.amount) for line in invoice.lines.all()
    ]
    assert shown.totals.total == invoice.total


def test_a_clock_of_ones_own_does_not_hide_it(billed, customer, at):
    Customer.objects.filter(pk=customer.pk).update(clock_at=DECEMBER)
    send_late(customer, at + timedelta(days=2), tokens=500_000, received=at + timedelta(days=3))

    assert [amount for _number, amount, _detail in late_lines(calculate(customer, DECEMBER))] == [100]


def test_it_asks_the_database_as_often_for_many_customers_as_for_few(catalogue, seller, at):
    few, many = crowd(2, catalogue, at), crowd(7, catalogue, at)
    calculate_charges(subscription_ids=[*few, *many], at=NOVEMBER)
    for spell in Subscription.objects.filter(pk__in=[*few, *many]).select_related("customer"):
        send_late(spell.customer, at + timedelta(days=2), tokens=500_000, received=NOVEMBER + timedelta(days=5))
    counted = []
    for ids in (few, many):
        with CaptureQueriesContext(connection) as queries:
            assert len(calculate_charges(subscription_ids=ids, at=DECEMBER)) == len(ids)
        counted.append(len(queries))

    assert counted[0] == counted[1]
    assert InvoiceLine.objects.filter(key__contains=":late:").count() == 9


# --- after the last paid plan ----------------------------------------------------------------------------------------

ENDED = datetime(2026, 11, 25, 8, tzinfo=UTC)


@pytest.fixture
def ended(billed, customer):
    """Plus until 25 Nov; looked after on 17 Dec, 17 Jan, …"""
    done = cancel_subscription(quote=cancel_quote(customer, ENDED), at=ENDED, actor=None)
    pay(done.invoice, ENDED)
    billed.refresh_from_db()
    return billed


def follow_up(spell, at) -> Any:
    return bill_late_usage(subscription_ids=[spell.pk], at=at)


def test_it_is_looked_for_on_the_next_calculation_instant(ended):
    assert ended.follow_up_at == datetime(2026, 12, 17, tzinfo=UTC)
    assert due_for_follow_up(DECEMBER - timedelta(minutes=1)) == []
    assert [row.id for row in due_for_follow_up(DECEMBER)] == [ended.pk]


def test_it_becomes_a_follow_up_invoice_on_free(ended, customer, at):
    send_late(customer, at + timedelta(days=2), tokens=500_000, received=ENDED + timedelta(days=5))

    [invoice] = follow_up(ended, DECEMBER)

    assert invoice.key == f"subscription:{ended.pk}:late:2026-12-17"
    assert (invoice.billing_on, invoice.total, invoice.status) == (date(2026, 12, 20), 100, InvoiceStatus.DRAFT)
    ended.refresh_from_db()
    assert ended.follow_up_at == datetime(2027, 1, 17, tzinfo=UTC)
    assert AuditEntry.objects.filter(action="bill_late_usage").count() == 1
    assert list(books.check()) == []


def test_it_is_billed_once(ended, customer, at):
    send_late(customer, at + timedelta(days=2), tokens=500_000, received=ENDED + timedelta(days=5))

    assert len(follow_up(ended, DECEMBER)) == 1
    assert follow_up(ended, DECEMBER) == []
    assert follow_up(ended, JANUARY) == []


@pytest.mark.parametrize(("tokens", "is_billed"), [(495_000, False), (500_000, True)])
def test_less_than_the_minimum_waits_and_stays_visible(ended, customer, at, tokens, is_billed):
    send_late(customer, at + timedelta(days=2), tokens=tokens, received=ENDED + timedelta(days=5))

    shown = upcoming_invoice(running(customer, ENDED + timedelta(days=6)))
    invoices = follow_up(ended, DECEMBER)

    assert [line.amount for line in shown.late] == [tokens // 5_000]
    assert shown.late_billing_on == date(2026, 12, 20)
    assert bool(invoices) is is_billed


def test_what_waited_is_billed_with_what_comes_later(ended, customer, at):
    send_late(customer, at + timedelta(days=2), tokens=300_000, received=ENDED + timedelta(days=5))
    assert follow_up(ended, DECEMBER) == []
    send_late(customer, at + timedelta(days=3), tokens=300_000, received=ENDED + timedelta(days=40), event_id="more")

    [invoice] = follow_up(ended, JANUARY)

    assert (invoice.total, invoice.billing_on) == (120, date(2027, 1, 20))


def test_the_next_paid_plan_takes_it_over(ended, customer, catalogue, at):
    send_late(customer, at + timedelta(days=2), tokens=100_000, received=ENDED + timedelta(days=5))
    go_plus(customer, catalogue, ENDED + timedelta(days=10))

    ended.refresh_from_db()
    assert (ended.follow_up_at, due_for_follow_up(JANUARY)) == (None, [])
    invoice = calculate(customer, datetime(2027, 1, 2, 1, tzinfo=UTC))
    assert [amount for _number, amount, _detail in late_lines(invoice)] == [20]


def test_nothing_late_writes_nothing(ended):
    before = Invoice.objects.count()

    assert follow_up(ended, DECEMBER) == []
    assert Invoice.objects.count() == before


def test_the_overview_shows_what_waits_on_free(ended, customer, alice, log_in, at):
    send_late(customer, at + timedelta(days=2), tokens=300_000, received=ENDED + timedelta(days=5))

    with travel_to(ENDED + timedelta(days=6)):
        page = log_in(alice).get(reverse("billing_overview")).content.decode()

    assert "AI tokens (late usage)" in page
    assert "20 Dec 2026" in page


def test_the_overview_shows_the_follow_up_once_it_is_calculated(ended, customer, alice, log_in, at):
    send_late(customer, at + timedelta(days=2), tokens=600_000, received=ENDED + timedelta(days=5))
    [draft] = follow_up(ended, DECEMBER)

    shown = upcoming_invoice(running(customer, DECEMBER))

    assert (shown.draft, shown.billing_on, shown.totals.total) == (draft, date(2026, 12, 20), 120)
    with travel_to(DECEMBER):
        assert log_in(alice).get(reverse("billing_overview")).status_code == 200


# --- what looking costs ----------------------------------------------------------------------------------------------


def reads_of(table, queries):
    return [query["sql"] for query in queries if f'FROM "{table}"' in query["sql"]]


def test_where_nothing_came_no_window_is_read(billed, customer, at):
    send(customer, NOVEMBER, tokens=1_000)

    with CaptureQueriesContext(connection) as queries:
        calculate(customer, DECEMBER)

    assert reads_of("plans_ratedusage", queries) == []


def test_only_the_windows_around_late_hours_are_read(billed, customer, at):
    history = [
        RatedUsage(
            subscription=billed,
            rate_card=RatedUsage.objects.first().rate_card,
            window_starts_at=at - timedelta(days=30 * month),
            window_ends_at=at - timedelta(days=30 * month - 30),
            planned_ends_at=at - timedelta(days=30 * month - 30),
            quantity=0,
            amount=0,
            invoice_key=f"old:{month}",
            rated_at=at - timedelta(days=30 * month - 30),
        )
        for month in range(2, 120)
    ]
    RatedUsage.objects.bulk_create(history)
    send_late(customer, at + timedelta(days=2), tokens=500_000, received=NOVEMBER + timedelta(days=5))

    with CaptureQueriesContext(connection) as queries:
        invoice = calculate(customer, DECEMBER)

    [read] = reads_of("plans_ratedusage", queries)
    with connection.cursor() as cursor:
        cursor.execute(read)
        assert {row[4] for row in cursor.fetchall()} == {at}  # the start of October's window
    assert [amount for _number, amount, _detail in late_lines(invoice)] == [100]


def test_after_an_outage_a_customer_without_late_usage_is_looked_at_once(ended):
    assert follow_up(ended, JANUARY + timedelta(days=95)) == []

    ended.refresh_from_db()
    assert ended.follow_up_at == datetime(2027, 5, 17, tzinfo=UTC)


def test_ended_customers_without_late_usage_are_not_even_loaded(ended, customer, at):
    with CaptureQueriesContext(connection) as queries:
        follow_up(ended, DECEMBER)

    assert reads_of("plans_ratecard", queries) + reads_of("plans_ratedusage", queries) == []


def test_usage_in_the_hour_of_the_cut_is_found_however_soon_it_comes(ended, customer):
    """It was used a minute before the plan ended and reached us a minute after."""
    minute = timedelta(minutes=1)
    send_late(customer, ENDED - minute, tokens=20_000_000, received=ENDED + minute)

    assert len(follow_up(ended, DECEMBER)) == 1
