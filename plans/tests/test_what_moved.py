"""What a 409 says: which figure is not what was shown, from how much to how much, and nothing done."""

from datetime import timedelta

import pytest

from accounts.models import BillingProfile
from credits.tests.cast import grant
from invoices.models import InvoiceLine, TaxRate
from invoices.services.add_pending_lines import add_pending_lines
from invoices.tests.cast import line
from plans.exceptions import QuoteStaleError
from plans.services.cancel_subscription import cancel_subscription
from plans.tests.conftest import cancel_quote, send
from plans.tests.test_pages import LATER

NOTHING_DONE = " Nothing was done; please confirm the new total."


@pytest.fixture
def refused(plus, customer, at):
    """What confirming says, where `moves` came between; `before`: what was there when it was shown."""

    def said(moves, before=lambda: None):
        before()
        quote = cancel_quote(customer, LATER)
        moves()
        with pytest.raises(QuoteStaleError) as stale:
            cancel_subscription(quote=quote, at=LATER + timedelta(minutes=1), actor=None)
        return stale.value.message

    return said


def pending(customer, at, amount=500):
    add_pending_lines(
        customer_id=customer.pk, currency="USD", lines=[line(amount, title="Set-up", settlement="credit_then_invoice")],
        at=at,
    )  # fmt: skip


def test_usage_that_came_is_named_with_its_quantity(refused, customer, at):
    said = refused(lambda: send(customer, at, tokens=70_000), lambda: send(customer, at, tokens=1_400_000))
    assert said.startswith("The total changed from $")
    assert said.endswith("AI tokens: usage went from 1,400,000 to 1,470,000." + NOTHING_DONE)


def test_the_first_usage_of_a_price_went_from_nothing(refused, customer, at):
    assert "AI tokens: usage went from 0 to 70,000." in refused(lambda: send(customer, at, tokens=70_000))


def test_a_charge_that_joined_or_went_is_named_with_its_amount(refused, customer, at):
    said = refused(lambda: pending(customer, at))
    assert said == "The total changed from $17.39 to $22.39. Set-up went from $0.00 to $5.00." + NOTHING_DONE
    said = refused(lambda: InvoiceLine.objects.filter(title="Set-up").delete())
    assert "Set-up went from $5.00 to $0.00." in said


def test_credit_that_came_is_said_to_pay(refused, customer, at):
    said = refused(lambda: grant(customer, 500, at=at))
    assert "The total changed from $17.39 to $12.39. What credits pay went from $0.00 to $5.00." in said


def test_another_tax_is_said_by_itself(refused, customer):
    said = refused(lambda: BillingProfile.objects.filter(customer=customer).update(country="FR"))
    assert "The total changed from $17.39 to $20.87. The tax went from $0.00 to $3.48." in said


def test_other_rates_of_the_same_tax_are_said_too(refused, customer):
    BillingProfile.objects.filter(customer=customer).update(country="FR")
    said = refused(lambda: TaxRate.objects.filter(country="FR").update(label="Levy"))
    assert said == "The tax is made up of other rates. Nothing was done; please check the figures and confirm again."
