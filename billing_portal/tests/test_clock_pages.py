"""The pages of a test clock: a demo visitor's own, and that of staff."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.models import AuditEntry, ClockMove, Customer, Notice
from accounts.services.end_move import end_move
from accounts.services.move_clock import move_clock
from accounts.services.start_clock import start_clock
from billing_portal.tests.people import on_plus
from billing_portal.tests.test_clock_run import NEAR, move_all
from core import clock
from core.ids import public_id
from invoices.models import Invoice
from invoices.tests.cast import open_invoice
from usage.models import UsageEvent

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)
BILLED_AT = datetime(2026, 11, 20, tzinfo=UTC)
HTMX = {"HX-Request": "true"}
PAGE, START, MOVE, USE = (f"/settings/billing/clock/{name}" for name in ("", "start/", "move/", "use/"))


@pytest.fixture(autouse=True)
def _today(at):
    with clock.travel_to(at):
        yield


@pytest.fixture
def on_clock(customer, alice, catalogue, seller, at):
    on_plus(customer, alice, catalogue, at)
    return start_clock(customer_id=customer.pk, at=NEAR, actor=alice)


def text(response):
    return " ".join(response.content.decode().split())


def step(customer, value="next", **values):
    """What the form sends."""
    customer.refresh_from_db()
    return {"key": public_id("clk"), "shown": customer.clock_at.isoformat(), "step": value, **values}


def waiting(customer, alice, at, days):
    """A move that no worker has begun."""
    shown = clock_of(customer)
    return move_clock(customer_id=customer.pk, key="clk_w", shown=shown, until=shown + days * DAY, at=at, actor=alice)


def clock_of(customer):
    customer.refresh_from_db()
    return customer.clock_at


# --- a visitor's own --------------------------------------------------------------------------------------------------
def test_a_visitor_starts_a_clock_and_is_told_on_every_page(customer, alice, catalogue, seller, at, log_in):
    on_plus(customer, alice, catalogue, at)
    client = log_in(alice)
    assert "Start the test clock" in text(client.get(PAGE))
    assert "Test clock:" not in text(client.get("/settings/billing/"))
    assert client.post(START).status_code == 303
    for url in ("/settings/billing/", "/settings/billing/portal/", "/settings/billing/credits/"):
        page = text(client.get(url))
        assert "<strong>Test clock:</strong> <span>it is <time" in page, url
        assert f'<a href="{PAGE}">Open the test clock</a>' in page, url


def test_a_visitor_moves_to_the_next_event_and_reads_what_happened(on_clock, alice, log_in):
    client = log_in(alice)
    assert "Charges are calculated for 20 Nov 2026." in text(client.get(PAGE))
    for _ in range(2):
        assert client.post(MOVE, step(on_clock)).status_code == 303
    page, invoice = text(client.get(PAGE)), Invoice.objects.get()
    assert invoice.status == "paid"
    for words in (
        "Charges calculated: $49.00, to be billed on 20 Nov 2026.",
        f'<a href="{reverse("invoice", args=[invoice.public_id])}">Invoice INV-2026-000001 issued: $49.00.</a>',
        "$49.00 paid with Visa ending 4242.",
        "Message sent: “",
        "Newest",
        "Charges are calculated for 20 Dec 2026.",
    ):
        assert words in page, words


@pytest.mark.parametrize(("value", "shows"), [("1", 1), ("3", 3), ("7", 7)])
def test_it_moves_by_days(value, shows, on_clock, alice, log_in, at):
    log_in(alice).post(MOVE, step(on_clock, value))
    on_clock.refresh_from_db()
    assert on_clock.clock_at == NEAR + shows * DAY


def test_it_moves_to_a_date(on_clock, alice, log_in):
    log_in(alice).post(MOVE, step(on_clock, "", on="2026-11-16"))
    on_clock.refresh_from_db()
    assert on_clock.clock_at == datetime(2026, 11, 16, tzinfo=UTC)


def test_sending_a_form_twice_moves_once(on_clock, alice, log_in, at):
    client, form = log_in(alice), step(on_clock, "1")
    assert [client.post(MOVE, form).status_code for _ in range(2)] == [303, 303]
    assert ClockMove.objects.count() == 1
    on_clock.refresh_from_db()
    assert on_clock.clock_at == NEAR + DAY


@pytest.mark.parametrize(
    ("values", "status", "words"),
    [
        ({"step": "", "on": ""}, 422, "Choose a date."),
        ({"step": "", "on": "soon"}, 422, "Enter a valid date."),
        ({"step": "999"}, 422, "There is a problem"),
        ({"step": "", "on": "2026-10-01"}, 422, "A test clock only goes forward"),
        ({"step": "", "on": "2029-10-01"}, 422, "One move goes 400 days at most"),
        ({"shown": "2026-10-19T10:00:00+00:00"}, 409, "by now. Look again, then move it."),
        ({"key": "x"}, 422, "There is a problem"),
    ],
)
def test_it_says_what_is_wrong_and_moves_nothing(values, status, words, on_clock, alice, log_in, at):
    response = log_in(alice).post(MOVE, step(on_clock) | values)
    assert response.status_code == status
    assert words in text(response)
    on_clock.refresh_from_db()
    assert on_clock.clock_at == NEAR
    assert not ClockMove.objects.exists()


def test_a_long_move_shows_how_far_it_is_and_asks_for_itself(on_clock, alice, log_in, at):
    waiting(on_clock, alice, at, 4)
    client = log_in(alice)
    page = text(client.get(PAGE))
    assert "On its way to" in page
    assert "day 0 of 4" in page
    assert f'hx-get="{PAGE}"' in page
    assert '<noscript><meta http-equiv="refresh"' in page
    part = text(client.get(PAGE, headers=HTMX))
    assert part.startswith('<div id="clock"')
    assert "Go on now" in part  # nobody is at it
    move_all()
    assert client.get(PAGE, headers=HTMX)["HX-Redirect"] == PAGE
    assert "hx-trigger" not in text(client.get(PAGE)).split('id="clock"')[1]


def test_without_a_worker_a_person_goes_on_with_it(on_clock, alice, log_in, at):
    move = waiting(on_clock, alice, at, 2)
    assert log_in(alice).post(MOVE, {"go_on": "1"}).status_code == 303
    move.refresh_from_db()
    assert move.ended_at is not None


def test_it_says_why_a_clock_stands_still(on_clock, alice, log_in, at):
    move = waiting(on_clock, alice, at, 1)
    end_move(move_id=move.pk, at=at, stopped="The run failed. The log says why.")
    assert "The run failed. The log says why." in text(log_in(alice).get(PAGE))


def test_it_shows_messages_as_they_were_sent_and_nobody_elses(on_clock, alice, other_customer, charlie, log_in, at):
    log_in(alice).post(MOVE, step(on_clock))
    notice = Notice.objects.get(template="invoice_announced")
    url = reverse("billing_clock_message", args=[notice.pk])
    page = text(log_in(alice).get(url))
    assert "$49.00" in page
    html = log_in(alice).get(reverse("billing_clock_message_html", args=[notice.pk]))
    assert html.status_code == 200
    assert "default-src 'none'" in html["Content-Security-Policy"]
    start_clock(customer_id=other_customer.pk, at=at, actor=charlie)
    assert log_in(charlie).get(url).status_code == 404


def test_made_up_usage_is_billed_and_twice_is_once(on_clock, alice, log_in, at):
    client, form = log_in(alice), {"key": public_id("use")}
    client.post(MOVE, step(on_clock, "1"))
    assert [client.post(USE, form).status_code for _ in range(2)] == [303, 303]
    assert UsageEvent.objects.filter(customer=on_clock).count() == 1_001
    client.post(MOVE, step(on_clock))
    assert Invoice.objects.get().total == 4_900 + 200  # a million tokens; 10,000 requests are included


def test_a_viewer_reads_and_a_member_does_not(on_clock, bob, dora, log_in):
    page = text(log_in(bob).get(PAGE))
    assert "Only a billing admin can move the clock." in page
    assert MOVE not in page
    for url in (START, MOVE, USE):
        assert log_in(bob).post(url, step(on_clock)).status_code == 403
    assert log_in(dora).get(PAGE).status_code == 403
    assert not ClockMove.objects.exists()


def test_a_stranger_moves_their_own_clock_alone(on_clock, other_customer, charlie, log_in, at):
    assert log_in(charlie).post(MOVE, step(on_clock)).status_code == 409  # they have none
    on_clock.refresh_from_db()
    assert on_clock.clock_at == NEAR


def test_where_people_bill_for_real_nobody_gives_themselves_a_clock(customer, alice, log_in, settings, at):
    settings.DEMO = False
    client = log_in(alice)
    assert client.get(PAGE).status_code == 404
    for url in (START, MOVE, USE):
        assert client.post(url).status_code == 404
    assert "Test clock" not in text(client.get("/settings/billing/details/"))
    start_clock(customer_id=customer.pk, at=at, actor=alice)
    assert "Our staff move this clock." in text(client.get(PAGE))


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_it_asks_the_database_few_questions(headers, on_clock, alice, log_in, at, django_assert_max_num_queries):
    client = log_in(alice)
    for _ in range(2):
        client.post(MOVE, step(on_clock))
    client.get(PAGE)
    if headers:
        waiting(on_clock, alice, at, 1)
    with django_assert_max_num_queries(32):
        client.get(PAGE, headers=headers)


# --- real time is nobody's present any more ---------------------------------------------------------------------------
def test_paying_by_hand_happens_at_the_customers_present(customer, alice, catalogue, seller, at, log_in):
    on_plus(customer, alice, catalogue, at, card="4000000000000341")
    start_clock(customer_id=customer.pk, at=NEAR, actor=alice)
    client = log_in(alice)
    for _ in range(2):
        client.post(MOVE, step(customer))
    invoice = Invoice.objects.get()
    assert "Past due" in text(client.get(reverse("invoice", args=[invoice.public_id])))
    client.post(reverse("invoice_pay", args=[invoice.public_id]), {"attempt": "2", "amount": invoice.amount_due})
    payment = invoice.payments.latest("pk")
    assert (payment.automatic, payment.created_at, payment.settled_at) == (False, BILLED_AT, BILLED_AT)


# --- staff ------------------------------------------------------------------------------------------------------------
def staff_url(name, customer, *more):
    return reverse(f"admin:{name}", args=[customer.key, *more])


def test_staff_start_move_and_end_a_clock(customer, alice, catalogue, seller, at, as_clerk, clerk):
    on_plus(customer, alice, catalogue, at)
    page = text(as_clerk.get(staff_url("customer_clock", customer)))
    assert "This customer lives in real time." in page
    sent = as_clerk.post(staff_url("customer_clock_start", customer), {"reason": "Demo for Wonder"})
    assert sent.status_code == 303
    assert AuditEntry.objects.get(action="start_clock").reason == "Demo for Wonder"
    for _ in range(2):
        assert as_clerk.post(staff_url("customer_clock_move", customer), step(customer)).status_code == 303
    page, invoice = text(as_clerk.get(staff_url("customer_clock", customer))), Invoice.objects.get()
    assert reverse("admin:invoices_invoice_change", args=[invoice.pk]) in page
    notice = Notice.objects.get(template="invoice_announced")
    message = text(as_clerk.get(staff_url("customer_clock_message", customer, notice.pk)))
    assert "As most people see it" in message
    assert "End the test clock" not in page  # it is ahead
    early = as_clerk.post(staff_url("customer_clock_end", customer), {"reason": "Seen"})
    assert (early.status_code, "ahead of real time" in text(early)) == (422, True)
    with clock.travel_to(BILLED_AT + DAY):
        assert "End the test clock" in text(as_clerk.get(staff_url("customer_clock", customer)))
        assert as_clerk.post(staff_url("customer_clock_end", customer), {"reason": "Seen"}).status_code == 303
    customer.refresh_from_db()
    assert customer.clock_at is None


def test_staff_are_told_who_can_have_none(customer, as_clerk, settings):
    settings.CARD_GATEWAY = "stripe"
    assert "Only a customer with a sandbox card" in text(as_clerk.get(staff_url("customer_clock", customer)))
    refused = as_clerk.post(staff_url("customer_clock_start", customer), {"reason": "Please"})
    assert refused.status_code == 422
    customer.refresh_from_db()
    assert customer.clock_at is None


def test_an_auditor_reads_the_story_and_moves_nothing(on_clock, auditor, log_in, at):
    client = log_in(auditor)
    page = text(client.get(staff_url("customer_clock", on_clock)))
    assert "Your role looks at the clock, and does not move it." in page
    refused = client.post(staff_url("customer_clock_move", on_clock), step(on_clock))
    assert (refused.status_code, "Metering &amp; Billing Admin" in text(refused)) == (403, True)
    on_clock.refresh_from_db()
    assert on_clock.clock_at == NEAR


def test_somebody_who_looks_as_the_customer_moves_nothing(on_clock, supporter, log_in, at):
    client = log_in(supporter)
    viewed = client.post(staff_url("customer_view", on_clock), {"key": "0" * 32, "reason": "Asked by phone"})
    assert viewed.status_code == 303
    assert client.post(MOVE, step(on_clock)).status_code == 403
    on_clock.refresh_from_db()
    assert on_clock.clock_at == NEAR


def test_where_a_clock_stands_a_message_is_sent_again_all_the_same(on_clock, seller, alice, supporter, log_in, at):
    invoice = open_invoice(on_clock, 4900, at=at)
    client, staff = log_in(alice), log_in(supporter)
    again = reverse("admin:invoices_invoice_send_again", args=[invoice.pk])
    sent = []
    for day in range(2):
        with clock.travel_to(at + timedelta(days=day)):
            for _ in range(2):
                client.post(reverse("invoice_copy", args=[invoice.public_id]))
                staff.post(again, {"what": "document"})
        sent += [Notice.objects.filter(key__contains=word).count() for word in (":copy:", ":again:")]
    assert sent == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("gateway", "known", "offered"),
    [("sandbox", "", True), ("sandbox", "stripe:cus_1", False), ("stripe", "", False), ("stripe", "sandbox:1", True)],
)
def test_staff_are_offered_a_clock_where_one_can_be(gateway, known, offered, customer, clerk, log_in, settings):
    settings.DEMO, settings.CARD_GATEWAY = False, gateway
    Customer.objects.filter(pk=customer.pk).update(gateway_customer=known)
    page = log_in(clerk).get(reverse("admin:customer", args=[customer.key])).text
    assert (reverse("admin:customer_clock", args=[customer.key]) in page) == offered
