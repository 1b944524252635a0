import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError

from accounts import selectors
from accounts.models import AuditEntry, Customer, Membership, Role, UsageSubject
from accounts.services.lock_customers import lock_customers
from accounts.services.open_customer import open_customer
from accounts.services.park_customer import park_customer
from accounts.services.unpark_customer import unpark_customer


def test_it_opens_a_customer_with_profile_admin_and_subject(alice, at):
    customer = open_customer(name="Wonder Ltd", user=alice, at=at, actor=alice)

    assert customer.billing_profile.recipients == ["alice@example.com"]
    assert customer.billing_profile.legal_name == "Wonder Ltd"
    assert Membership.objects.get(customer=customer).role == Role.BILLING_ADMIN
    assert UsageSubject.objects.get(subject=customer.key).customer == customer
    entry = AuditEntry.objects.get(customer=customer)
    assert (entry.action, entry.actor, entry.at) == ("open_customer", alice, at)


def test_it_gives_every_customer_a_subject_of_its_own(customer, other_customer):
    assert customer.key != other_customer.key
    assert UsageSubject.objects.filter(subject__in=[customer.key, other_customer.key]).count() == 2


@pytest.mark.django_db(transaction=True)
def test_it_refuses_to_lock_outside_a_transaction(customer):
    with pytest.raises(TransactionManagementError):
        lock_customers([customer.pk])


def test_it_locks_any_number_with_one_query(customer, other_customer, django_assert_num_queries):
    with django_assert_num_queries(1):
        locked = lock_customers([other_customer.pk, customer.pk, customer.pk, 0])

    assert list(locked) == [customer.pk, other_customer.pk]


@pytest.mark.django_db(transaction=True)
def test_it_lets_one_transaction_at_a_time_hold_a_customer(customer):
    held, release, order = threading.Event(), threading.Event(), []

    def hold():
        with transaction.atomic():
            lock_customers([customer.pk])
            held.set()
            release.wait(10)
            order.append("first")
        connection.close()

    def wait_for_it():
        with transaction.atomic():
            lock_customers([customer.pk])
            order.append("second")
        connection.close()

    first, second = threading.Thread(target=hold), threading.Thread(target=wait_for_it)
    first.start()
    assert held.wait(10)
    second.start()
    second.join(0.3)
    assert order == []
    # Rows that only reference the customer go in meanwhile.
    AuditEntry.objects.create(at=customer.created_at, customer=customer, action="look", subject="customer")
    release.set()
    first.join(10)
    second.join(10)

    assert order == ["first", "second"]


def test_it_parks_a_customer_with_the_first_reason(customer, at):
    park_customer(customer_id=customer.pk, reason="no price for KWD", at=at)
    park_customer(customer_id=customer.pk, reason="again", at=at + timedelta(hours=1))

    customer.refresh_from_db()
    assert (customer.parked_at, customer.parked_reason) == (at, "no price for KWD")
    assert AuditEntry.objects.filter(action="park_customer").count() == 1


def test_it_unparks_a_customer_once(customer, at, staff):
    park_customer(customer_id=customer.pk, reason="no price for KWD", at=at)
    unpark_customer(customer_id=customer.pk, at=at, actor=staff)
    unpark_customer(customer_id=customer.pk, at=at, actor=staff)

    assert Customer.objects.get(pk=customer.pk).parked_at is None
    entry = AuditEntry.objects.get(action="unpark_customer")
    assert (entry.actor, entry.before["parked_reason"]) == (staff, "no price for KWD")


def test_it_sends_documents_to_recipients_else_to_billing_admins(customer, other_customer, bob):
    customer.billing_profile.recipients = ["accounts@example.com"]
    customer.billing_profile.save()
    other_customer.billing_profile.recipients = []
    other_customer.billing_profile.save()

    assert selectors.recipients([customer.pk, other_customer.pk]) == {
        customer.pk: ["accounts@example.com"],
        other_customer.pk: ["charlie@example.com"],
    }


def test_it_asks_once_whether_a_profile_names_somebody_or_not(customer, other_customer, django_assert_num_queries):
    customer.billing_profile.recipients = ["books@example.com"]
    customer.billing_profile.save()
    other_customer.billing_profile.recipients = []
    other_customer.billing_profile.save()
    both = [customer.pk, other_customer.pk]
    with django_assert_num_queries(1):
        assert selectors.recipients(both)[other_customer.pk] == ["charlie@example.com"]
    with django_assert_num_queries(1):
        assert selectors.recipients_and_admins(both)[customer.pk] == ["books@example.com", "alice@example.com"]


def test_it_reads_parties_and_countries_of_a_batch(customer, other_customer, django_assert_num_queries):
    customer.billing_profile.country = "FR"
    customer.billing_profile.save()
    both = [customer.pk, other_customer.pk]

    with django_assert_num_queries(2):
        parties, countries = selectors.parties(both), selectors.countries(both)

    assert parties[customer.pk]["name"] == "Wonder Ltd"
    assert parties[customer.pk]["country"] == "FR"
    assert set(parties[customer.pk]) == {"name", "language", *selectors.PARTY_FIELDS}
    assert countries == {customer.pk: "FR", other_customer.pk: ""}
