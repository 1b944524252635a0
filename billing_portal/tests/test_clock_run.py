"""A test clock moves: the real month, instant by instant, for one customer."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from accounts.models import AuditEntry, ClockMove, Notice
from accounts.services.move_clock import move_clock
from accounts.services.start_clock import start_clock
from accounts.tests.cards import DECLINES
from billing_portal import clock_run
from billing_portal.clock_story import coming, happened
from billing_portal.tests.people import on_plus
from core import clock
from invoices.models import Invoice, Payment
from invoices.tests.test_races import at_once
from plans.selectors import current_subscription
from plans.tests.test_consequences import with_consequence

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)
CALCULATED_AT = datetime(2026, 11, 17, 1, 0, tzinfo=UTC)
BILLED_AT = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _today(at):
    """Real time stands still: only the customer's clock moves."""
    with clock.travel_to(at):
        yield


def moved(customer, until, key="clk_1"):
    """The clock of the customer goes to that instant, and everything on the way happens."""
    customer.refresh_from_db()
    move = move_clock(
        customer_id=customer.pk, key=key, shown=customer.clock_at, until=until, at=clock.now(), actor=customer.users.get()
    )
    clock_run.move_clocks()
    move.refresh_from_db()
    customer.refresh_from_db()
    return move


def texts(customer, at):
    return [event.text for chapter in reversed(happened(customer.pk, at)) for event in chapter.events]


@pytest.fixture
def on_clock(customer, alice, catalogue, seller, at):
    on_plus(customer, alice, catalogue, at)
    return start_clock(customer_id=customer.pk, at=at, actor=alice)


def test_a_month_is_calculated_billed_and_paid_each_at_its_own_instant(on_clock, at):
    move = moved(on_clock, BILLED_AT + DAY)
    assert (move.stopped, on_clock.clock_at) == ("", BILLED_AT + DAY)
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.calculated_at, invoice.finalized_at) == ("paid", CALCULATED_AT, BILLED_AT)
    payment = Payment.objects.get()
    assert (payment.status, payment.created_at, payment.settled_at) == ("succeeded", BILLED_AT, BILLED_AT)
    sent = dict(Notice.objects.filter(customer=on_clock).values_list("template", "sent_at"))
    assert (sent["invoice_announced"], sent["payment_receipt"]) == (CALCULATED_AT, BILLED_AT)
    calculated = AuditEntry.objects.get(action="calculate_charges")
    assert calculated.at == CALCULATED_AT
    told = texts(on_clock, at)
    assert told.index("Charges calculated: $49.00, to be billed on 20 Nov 2026.") < told.index(
        "Invoice INV-2026-000001 issued: $49.00."
    )
    assert any(line.startswith("$49.00 paid with Visa ending 4242. Receipt ") for line in told)
    call_command("check_books")
