"""Customers that staff open before anybody of theirs has an account."""

import pytest

from accounts.exceptions import CustomerInvalidError, InvalidBillingDetailsError
from accounts.models import AuditEntry, Customer, Membership, UsageSubject
from accounts.services.open_customer import open_customer

pytestmark = pytest.mark.django_db


def test_it_opens_a_customer_without_a_person(staff, at):
    details = {"country": "FR", "recipients": ["billing@example.com"]}
    customer = open_customer(
        name="Glass", user=None, at=at, actor=staff, currency="EUR", subject="app", details=details
    )
    assert (customer.currency, customer.billing_profile.country) == ("EUR", "FR")
    assert customer.billing_profile.recipients == ["billing@example.com"]
    assert not Membership.objects.exists()
    assert UsageSubject.objects.filter(customer=customer, subject="app").exists()


def test_it_opens_it_once_per_key(staff, at):
    first, second = (open_customer(key="cus_x", name="Glass", user=None, at=at, actor=staff) for _ in range(2))
    assert first == second
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"currency": "XYZ"}, CustomerInvalidError),
        ({"subject": "taken"}, CustomerInvalidError),
        ({"details": {"country": "Utopia"}}, InvalidBillingDetailsError),
        ({"details": {"recipients": ["nobody"]}}, InvalidBillingDetailsError),
    ],
)
def test_it_refuses_what_cannot_be(customer, staff, at, values, error):
    UsageSubject.objects.create(customer=customer, subject="taken")
    with pytest.raises(error):
        open_customer(name="Glass", user=None, at=at, actor=staff, **values)
    assert Customer.objects.count() == 1
