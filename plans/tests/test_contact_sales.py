"""«Contact Sales»: stored first, mailed after."""

from datetime import timedelta

import pytest

from accounts.models import AuditEntry, Notice
from plans.exceptions import ManagedByContractError, TooManyInquiriesError
from plans.models import SalesInquiry
from plans.services.contact_sales import DAILY_LIMIT, contact_sales
from plans.services.open_contract import open_contract

VALUES = {
    "name": "Alice Liddell",
    "email": "alice@example.com",
    "company": "Wonder Ltd",
    "message": "We need <b>more</b> & private regions.",
    "volume": "50 million requests",
}


@pytest.fixture
def ask(free, customer, alice, at):
    """Ask for a call; words can be changed."""

    def ask(later=timedelta(0), **values):
        return contact_sales(customer=customer, values={**VALUES, **values}, at=at + later, actor=alice)

    return ask


def test_it_stores_the_request_and_tells_both_sides(ask, customer, alice):
    inquiry = ask()

    assert (inquiry.customer, inquiry.user, inquiry.status, inquiry.message) == (
        customer, alice, "new", VALUES["message"],
    )  # fmt: skip
    to = dict(Notice.objects.filter(template__startswith="sales_").values_list("template", "to"))
    assert to == {"sales_inquiry": ["sales@example.com"], "sales_acknowledgement": ["alice@example.com"]}
    assert AuditEntry.objects.get(action="contact_sales").actor == alice


def test_it_takes_the_same_words_twice_as_one_request(ask):
    assert ask() == ask(timedelta(minutes=1))
    assert SalesInquiry.objects.count() == 1
    assert Notice.objects.filter(template="sales_inquiry").count() == 1


def test_it_takes_the_same_words_on_another_day_as_a_new_request(ask):
    assert ask() != ask(timedelta(days=2))


def test_it_stops_a_flood(ask):
    for number in range(DAILY_LIMIT):
        ask(message=f"Number {number}")

    with pytest.raises(TooManyInquiriesError):
        ask(message="One more")


def test_it_refuses_under_a_contract(ask, customer, catalogue, at):
    open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=at, actor=None)

    with pytest.raises(ManagedByContractError):
        ask()
