"""Whom in sales a customer talks to."""

import pytest
from django.db import IntegrityError, transaction

from accounts.exceptions import ManagedByContractError, SalesContactInvalidError
from accounts.models import AuditEntry, Customer
from accounts.sales import SalesContact, sales_contact
from accounts.services.set_sales_contact import set_sales_contact
from accounts.tests.test_mail_choices import at_once

pytestmark = pytest.mark.django_db
DESK = {"name": "Enterprise desk", "email": "desk@example.com"}


@pytest.fixture
def put(customer, alice, at):
    def put(**values):
        how = {"customer_id": customer.pk, "at": at, "actor": alice, "reason": "Order 7"}
        return set_sales_contact(**how, **{**DESK, **values})

    return put


def test_it_is_the_general_address_until_one_is_named(put, customer):
    assert sales_contact(customer) == sales_contact(None) == SalesContact("", "sales@example.com")
    assert str(sales_contact(customer)) == "sales@example.com"
    assert str(sales_contact(put())) == "Enterprise desk, desk@example.com"
    assert str(sales_contact(put(name="", email=""))) == "sales@example.com"


def test_it_is_written_once_with_what_it_was_before(put, customer, alice):
    for _ in range(2):
        put(name=" Enterprise desk ")
    entry = AuditEntry.objects.get(action="set_sales_contact")
    assert (entry.actor, entry.customer, entry.reason) == (alice, customer, "Order 7")
    put(email="new@example.com")
    entry = AuditEntry.objects.filter(action="set_sales_contact").latest("pk")
    assert (entry.before, entry.after) == (
        {"sales_contact_email": "desk@example.com"},
        {"sales_contact_email": "new@example.com"},
    )


@pytest.mark.django_db(transaction=True)
def test_two_connections_name_it_one_after_the_other(put):
    at_once(*[put] * 2)
    AuditEntry.objects.get(action="set_sales_contact")
    at_once(lambda: put(email="one@example.com"), lambda: put(email="two@example.com"))
    first, second = AuditEntry.objects.filter(action="set_sales_contact").order_by("pk")[1:]
    assert first.before == {"sales_contact_email": "desk@example.com"}
    assert second.before == first.after  # the later one has seen the earlier one
    assert Customer.objects.get().sales_contact_email == second.after["sales_contact_email"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": " "}, "Sales contact: enter both a name and an e-mail address, or neither."),
        ({"email": ""}, "Sales contact: enter both a name and an e-mail address, or neither."),
        ({"email": "nobody"}, "nobody is not an e-mail address."),
        ({"name": "x" * 101}, "Name: use 1 to 100 characters."),
    ],
)
def test_it_refuses_what_is_none(put, customer, values, said):
    with pytest.raises(SalesContactInvalidError) as refused:
        put(**values)
    assert refused.value.message == said
    assert not AuditEntry.objects.filter(action="set_sales_contact").exists()


@pytest.mark.parametrize("field", ["sales_contact_name", "sales_contact_email"])
def test_the_database_refuses_one_without_the_other(customer, field):
    with pytest.raises(IntegrityError, match="customer_sales_contact_whole"), transaction.atomic():
        Customer.objects.filter(pk=customer.pk).update(**{field: "desk@example.com"})


def test_a_refusal_of_cards_names_it(put):
    message = ManagedByContractError(put(), "chose a default card").message
    assert message.endswith("Contact your sales representative at Enterprise desk, desk@example.com.")
