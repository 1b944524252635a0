"""Who comes back is read with all they belong to, whichever way they came in."""

import pytest
from django.contrib.auth import authenticate
from django.urls import reverse

from accounts.backends import PersonBackend
from accounts.models import Membership, Role, User
from accounts.selectors import memberships

BEFORE = "allauth.account.auth_backends.AuthenticationBackend"


def test_a_person_of_two_customers_is_one_question(alice, customer, other_customer, django_assert_num_queries):
    Membership.objects.create(user=alice, customer=other_customer, role=Role.BILLING_VIEWER)
    with django_assert_num_queries(1):
        person = PersonBackend().get_user(alice.pk)
        found = [(each.customer.name, each.role, each.user.email) for each in memberships(person)]
    assert person == alice
    assert found == [
        (customer.name, Role.BILLING_ADMIN, alice.email),
        (other_customer.name, Role.BILLING_VIEWER, alice.email),
    ]
    assert found == [(each.customer.name, each.role, each.user.email) for each in memberships(alice)]


def test_who_belongs_to_nobody_is_asked_no_further(clerk, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert memberships(PersonBackend().get_user(clerk.pk)) == []


def test_nobody_inactive_or_gone_comes_back(alice):
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert PersonBackend().get_user(alice.pk) is None
    assert PersonBackend().get_user(0) is None


def test_a_session_from_before_goes_on(alice, customer, client):
    client.force_login(alice, backend=BEFORE)
    assert client.get(reverse("billing_details")).status_code == 200
    assert client.session["_auth_user_backend"] == BEFORE


def test_a_page_reads_the_person_and_their_customers_at_once(alice, customer, log_in, django_assert_num_queries):
    client = log_in(alice)
    with django_assert_num_queries(3):  # the session, the person, and the profile
        assert client.get(reverse("billing_details")).status_code == 200


@pytest.mark.parametrize("password", ["right", "wrong"])
def test_a_password_is_compared_once(alice, rf, monkeypatch, password):
    compared = []
    alice.set_password("right")
    alice.save()
    check = User.check_password
    monkeypatch.setattr(User, "check_password", lambda user, raw: compared.append(raw) or check(user, raw))
    found = authenticate(rf.post("/"), email=alice.email, password=password)
    assert (found, compared) == (alice if password == "right" else None, [password])
