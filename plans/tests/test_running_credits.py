"""On a plan that invoices what credit does not pay, what runs lowers what is available until it is drafted."""

from datetime import UTC, datetime, timedelta

import pytest

from credits.models import OpenCharge
from credits.selectors import balance
from invoices.models import Invoice
from plans import books
from plans.models import UsageWatch
from plans.selectors import current_subscription
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.services.settle_usage import settle_usage
from plans.tests.conftest import cancel_quote, send
from plans.tests.test_settle_usage import MINUTE, consumed, grant, open_charges, sweep

CALCULATED = datetime(2026, 11, 17, 1, tzinfo=UTC)


@pytest.fixture
def credited(plus, customer, at):
    """On Plus with 5.00 of credit."""
    grant(customer, 500, at)
    return plus


def test_usage_since_the_last_calculation_is_an_open_charge(credited, customer, at):
    send(customer, at, tokens=1_000_000)
    assert sweep(at + 6 * MINUTE) == [customer.pk]

    assert open_charges(customer) == [200]
    assert not OpenCharge.objects.get().may_overdraw
    assert balance(customer.pk, "USD", at + 6 * MINUTE).available == 300
    assert consumed(customer) == []
    assert list(books.check()) == []


def test_credit_never_goes_below_zero_by_what_is_invoiced(credited, customer, at):
    send(customer, at, tokens=10_000_000)
    sweep(at + 6 * MINUTE)

    assert open_charges(customer) == [2_000]
    assert balance(customer.pk, "USD", at + 6 * MINUTE).available == 0


def test_who_has_no_credit_is_not_looked_at(plus, customer, at):
    send(customer, at, tokens=1_000_000)
    assert sweep(at + 6 * MINUTE) == []
    settle_usage(customer_ids=[customer.pk], at=at + 6 * MINUTE)
    assert not UsageWatch.objects.exists()


def test_what_is_drafted_runs_no_more(credited, customer, at):
    send(customer, at, tokens=1_000_000)
    send(customer, datetime(2026, 11, 17, 0, 10, tzinfo=UTC), tokens=500_000)
    settle_usage(customer_ids=[customer.pk], at=CALCULATED - MINUTE)
    assert open_charges(customer) == [200]

    [invoice] = calculate_charges(subscription_ids=[credited.pk], at=CALCULATED)

    assert invoice.credits == 500
    assert open_charges(customer) == [100]


def test_nothing_runs_after_the_plan_is_left(credited, customer, at):
    send(customer, at, tokens=1_000_000)
    settle_usage(customer_ids=[customer.pk], at=at + 6 * MINUTE)
    end = at + timedelta(days=1)

    quote = cancel_quote(customer, end)
    done = cancel_subscription(quote=quote, at=end, actor=None)

    assert open_charges(customer) == []
    assert (quote.credits, quote.total) == (done.invoice.credits, done.invoice.total)
    assert quote.credits == 358  # 1.58 for a day and 2.00 of tokens
    assert Invoice.objects.get().status == "paid"


def test_a_discarded_draft_counts_as_given_back_in_the_preview(credited, customer, at):
    send(customer, at, tokens=1_000_000)
    calculate_charges(subscription_ids=[credited.pk], at=CALCULATED)
    end = datetime(2026, 11, 18, 12, tzinfo=UTC)

    quote = cancel_quote(customer, end)
    done = cancel_subscription(quote=quote, at=end + MINUTE, actor=None)

    assert quote.credits == 500
    assert (quote.credits, quote.subtotal, quote.tax, quote.total) == (
        done.invoice.credits, done.invoice.subtotal, done.invoice.tax, done.invoice.total
    )  # fmt: skip
    assert current_subscription(customer.pk).plan.is_default
    assert balance(customer.pk, "USD", end + MINUTE).settled == 0
