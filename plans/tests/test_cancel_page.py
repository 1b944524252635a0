"""What «Cancel Plan» says: what is still owed, what the final invoice does, and what stays."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.gateways.base import Outcome
from core import formats
from core.clock import travel_to
from credits.selectors import balance
from invoices.services.add_pending_lines import add_pending_lines
from invoices.services.collect_payment import collect_payment
from invoices.services.record_payment import record_payment
from invoices.tests.cast import line, open_invoice
from invoices.tests.test_selling import bought
from plans.models import ChangeQuote
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.tests.conftest import send
from plans.tests.test_settle_usage import grant

CALCULATED = datetime(2026, 11, 17, 2, tzinfo=UTC)
LATER = datetime(2026, 10, 31, 14, 5, tzinfo=UTC)
STILL_DUE = "which is still due. We stop new charges."


@pytest.fixture(autouse=True)
def _now():
    with travel_to(LATER):
        yield


@pytest.fixture
def shown(as_alice):
    return lambda: as_alice.get(reverse("plan_cancel")).text


def test_a_purchase_that_nobody_has_paid_is_no_debt(plus, customer, shown):
    bought(customer, LATER)

    assert STILL_DUE not in shown()


def test_it_says_when_the_card_is_tried_again_for_what_is_past_due(plus, customer, shown):
    invoice = open_invoice(customer, 300)
    payment = collect_payment(invoice_id=invoice.pk, at=LATER, automatic=True)
    record_payment(payment_id=payment.pk, outcome=Outcome("declined", "card_declined"), at=LATER)

    why = "The bank declined the card. Use another card or ask the bank."
    said = f"{invoice.number} ($3.00), {STILL_DUE} {why} We&#x27;ll try again on 3 Nov 2026.</span>"
    assert said in shown()


def test_what_was_never_tried_is_still_due_and_no_more(plus, customer, shown):
    open_invoice(customer, 300, collection="send_invoice")

    assert f"{STILL_DUE}</span>" in shown()


def test_it_puts_what_is_used_beside_what_each_plan_includes(plus, customer, shown, at):
    send(customer, at + timedelta(days=1), tokens=3_000_000, requests=2)

    rows = re.findall(r"<tr>(.*?)</tr>", shown().partition("What changes with the plan")[2].partition("</table>")[0])

    cells = [re.sub("<[^>]+>", "|", row).strip("|").split("||") for row in rows]
    assert cells[0] == ["Usage", "Used since 20 Oct 2026", "Plus", "Free"]
    assert [row[:2] for row in cells[1:]] == [["API requests", "2"], ["AI tokens", "3,000,000"]]


def test_after_the_calculation_the_next_window_counts(plus, customer, shown, at):
    send(customer, at + timedelta(days=1), tokens=3_000_000)
    calculate_charges(subscription_ids=[plus.pk], at=CALCULATED)

    with travel_to(datetime(2026, 11, 18, tzinfo=UTC)):
        page = shown()

    assert '<td data-label="Used since 17 Nov 2026">0</td>' in page
    assert "3,000,000" in page  # of the window that the final invoice bills after all


def test_what_the_final_invoice_gives_back_is_said_with_where_it_goes(plus, customer, shown, at):
    add_pending_lines(customer_id=customer.pk, currency="USD", lines=[line(-15_000)], at=at)

    page = shown()

    quote = ChangeQuote.objects.latest("pk")
    assert quote.amount_back > 0
    assert (
        f"You get <strong>{formats.money(quote.amount_back, 'USD')}</strong> back: it pays your open invoices" in page
    )


def test_the_balance_after_has_what_the_draft_it_replaces_had_taken(plus, customer, shown, at):
    grant(customer, 20_000, at)
    calculate_charges(subscription_ids=[plus.pk], at=CALCULATED)
    end = CALCULATED + timedelta(days=1)
    with travel_to(end):
        page = shown()
    quote = ChangeQuote.objects.latest("pk")

    cancel_subscription(quote=quote, at=end, actor=None)

    left = balance(customer.pk, "USD", end).settled
    assert 0 < left == quote.balance_after
    assert f"Your balance after: {formats.money(left, 'USD')}." in page
