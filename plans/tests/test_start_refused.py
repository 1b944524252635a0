"""A first payment that was refused: nothing is charged after it, whoever comes before the plan is given up."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.gateways.base import Outcome
from invoices.due import due_to_collect
from invoices.models import InvoiceStatus, Payment
from invoices.services.collect_payment import collect_payment
from invoices.services.record_payment import record_payment
from plans.models import QuoteKind
from plans.selectors import current_subscription
from plans.services.bill_start import bill_start
from plans.services.make_quote import make_quote
from plans.services.open_default_subscription import open_default_subscription
from plans.services.settle_start import settle_start
from plans.tests.conftest import add_card, new_plan
from plans.tests.test_races import at_once

LATER = timedelta(minutes=2)
DAY = timedelta(days=1)


@pytest.fixture
def quote(customer, catalogue, seller, at):
    """99.00 a month in advance, for who is on Free and has a card that works."""
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    add_card(customer, at)
    early = new_plan("early", timing="in_advance", at=at)
    return make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=early, at=at, actor=None)


def refused(quote, at, *first: Outcome) -> Any:
    """Its payment, declined after `first`."""
    payment = bill_start(quote=quote, at=at, actor=None)
    assert payment is not None
    for outcome in (*first, Outcome("declined", "authentication_required")):
        payment = record_payment(payment_id=payment.pk, outcome=outcome, at=at)
    return payment


@pytest.mark.parametrize("first", [(), (Outcome("needs_confirmation"),)])
def test_no_run_charges_the_card_again(quote, customer, at, first):
    payment = refused(quote, at + LATER, *first)

    assert [due_to_collect(at + days * DAY) for days in (1, 8)] == [[], []]
    assert collect_payment(invoice_id=payment.invoice_id, at=at + LATER, automatic=True) == payment
    done = settle_start(quote=quote, at=at + 2 * LATER, actor=None)

    assert (done.opened, done.invoice.status) == (None, InvoiceStatus.VOID)
    assert list(Payment.objects.values_list("status", flat=True)) == ["declined"]
    assert current_subscription(customer.pk).plan.key == "free"


def test_it_is_due_on_the_day_it_is_issued(quote, at):
    invoice = refused(quote, at + LATER).invoice

    assert (invoice.due_on, invoice.collection, invoice.collect_at) == (at.date(), "automatic", None)


@pytest.mark.django_db(transaction=True)
def test_a_run_that_comes_at_the_same_time_charges_nothing(quote, customer, at):
    payment = refused(quote, at + LATER, Outcome("needs_confirmation"))

    charged, done = at_once(
        lambda: collect_payment(invoice_id=payment.invoice_id, at=at + LATER, automatic=True),
        lambda: settle_start(quote=quote, at=at + LATER, actor=None),
    )

    assert (charged, Payment.objects.get(), done.invoice.status) == (payment, payment, InvoiceStatus.VOID)
    assert current_subscription(customer.pk).plan.key == "free"
