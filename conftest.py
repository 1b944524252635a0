"""The fixed cast of the tests.

alice is billing admin of `customer`, bob billing viewer of the same, dora a plain member of it;
charlie is a stranger with a customer of his own and must see nothing.

Of staff, clerk is Metering & Billing Admin, supporter has Billing Support, cataloger is Catalog Manager, auditor is
Auditor, and trainee has no role; staff is a superuser.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Customer, Membership, Role, User
from accounts.roles import AUDITOR, BILLING_SUPPORT, CATALOG_MANAGER, METERING_AND_BILLING, role_group
from accounts.services.open_customer import open_customer
from core.tests.recorded import Recorded
from invoices.models import Seller, TaxRate
from plans.seed import Catalogue, demo_catalogue

PASSWORD = "correct-horse-battery"

# How long an example takes is no fault of what it tries: a machine may be busy. CI's own profile says so, too.
if not os.environ.get("CI"):
    slow = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=slow)
    hypothesis.settings.load_profile("patient")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("longest") is None)


@pytest.fixture
def at() -> datetime:
    """The day most stories begin."""
    return datetime(2026, 10, 20, 10, 0, tzinfo=UTC)


def a_seller() -> Seller:
    """In France, with its tax there and none elsewhere."""
    seller = Seller.objects.create(
        key="main",
        legal_name="Meridian Cloud SAS",
        line1="1 rue de la Mesure",
        postal_code="75001",
        city="Paris",
        country="FR",
        tax_id="FR32123456789",
        email="billing@example.com",
    )
    TaxRate.objects.bulk_create(
        [
            TaxRate(seller=seller, country="FR", label="VAT", percent=Decimal(20)),
            TaxRate(seller=seller, country="", label="", percent=Decimal(0)),
        ]
    )
    return seller


_seller = Recorded(a_seller)


@pytest.fixture
def seller(db: None) -> Seller:
    return _seller.again()


_catalogue = cache(lambda at: Recorded(lambda: demo_catalogue(at)))


@pytest.fixture
def catalogue(db: None, at: datetime) -> Catalogue:
    return _catalogue(at).again()


def person(email: str, first_name: str) -> User:
    return User.objects.create_user(email, PASSWORD, first_name=first_name)


_alice = Recorded(lambda: person("alice@example.com", "Alice"))


@pytest.fixture
def alice(db: None) -> User:
    return _alice.again()


_customer = cache(lambda at: Recorded(lambda alice: open_customer(name="Wonder Ltd", user=alice, at=at, actor=alice)))


@pytest.fixture
def customer(alice: User, at: datetime) -> Customer:
    return _customer(at).again(alice)


def joined(email: str, first_name: str, role: Role, customer: Customer) -> User:
    user = person(email, first_name)
    Membership.objects.create(user=user, customer=customer, role=role)
    return user


# By the customer's id, which is always the same where it is a recorded one.
_bob = cache(lambda _id: Recorded(lambda customer: joined("bob@example.com", "Bob", Role.BILLING_VIEWER, customer)))
_dora = cache(lambda _id: Recorded(lambda customer: joined("dora@example.com", "Dora", Role.MEMBER, customer)))


@pytest.fixture
def bob(customer: Customer) -> User:
    return _bob(customer.pk).again(customer)


@pytest.fixture
def dora(customer: Customer) -> User:
    return _dora(customer.pk).again(customer)


_charlie = Recorded(lambda: person("charlie@example.com", "Charlie"))


@pytest.fixture
def charlie(db: None) -> User:
    return _charlie.again()


_other_customer = cache(
    lambda at: Recorded(lambda charlie: open_customer(name="Stranger Inc", user=charlie, at=at, actor=charlie))
)


@pytest.fixture
def other_customer(charlie: User, at: datetime) -> Customer:
    return _other_customer(at).again(charlie)


_staff = Recorded(lambda: User.objects.create_superuser("staff@example.com", PASSWORD))


@pytest.fixture
def staff(db: None) -> User:
    return _staff.again()


def staff_person(email: str, first_name: str, *roles: str) -> User:
    user = User.objects.create_user(email, PASSWORD, first_name=first_name, is_staff=True)
    user.groups.add(*(role_group(role) for role in roles))
    return user


# The groups of the roles are made with the database.
_clerk = Recorded(lambda: staff_person("clerk@example.com", "Clara", METERING_AND_BILLING))
_supporter = Recorded(lambda: staff_person("supporter@example.com", "Sol", BILLING_SUPPORT))
_cataloger = Recorded(lambda: staff_person("cataloger@example.com", "Cat", CATALOG_MANAGER))
_auditor = Recorded(lambda: staff_person("auditor@example.com", "Audie", AUDITOR))
_trainee = Recorded(lambda: staff_person("trainee@example.com", "Terry"))


@pytest.fixture
def clerk(db: None) -> User:
    return _clerk.again()


@pytest.fixture
def supporter(db: None) -> User:
    return _supporter.again()


@pytest.fixture
def cataloger(db: None) -> User:
    return _cataloger.again()


@pytest.fixture
def auditor(db: None) -> User:
    return _auditor.again()


@pytest.fixture
def trainee(db: None) -> User:
    return _trainee.again()


class Visitor(Client):
    """Comes without a session, as a browser does: Django's own stores an empty one first, and then another instead."""

    @property
    def session(self) -> Any:
        return super().session if settings.SESSION_COOKIE_NAME in self.cookies else None


@pytest.fixture
def log_in() -> Callable[[User], Client]:
    """A test client logged in as somebody."""

    def log_in(user: User) -> Client:
        client = Visitor()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def as_clerk(clerk: User, log_in: Callable[[User], Client]) -> Client:
    return log_in(clerk)
