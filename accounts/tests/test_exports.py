"""Members, API tokens and cards as files."""

import csv

import pytest
from django.urls import reverse

from accounts.services.create_api_token import create_api_token
from accounts.services.revoke_api_token import revoke_api_token
from accounts.tests.cards import MASTERCARD, VISA, add_card

FILES = {"members_csv": "members", "api_tokens_csv": "api_tokens", "payment_methods_csv": "portal"}


def rows_of(client, name):
    return list(csv.DictReader(b"".join(client.get(reverse(name)).streaming_content).decode().splitlines()))


@pytest.fixture
def filled(customer, alice, at, seller, catalogue):
    add_card(customer, alice, at, VISA)
    add_card(customer, alice, at, MASTERCARD)
    token, _secret = create_api_token(customer=customer, name="old", at=at, actor=alice)
    revoke_api_token(token=token, at=at, actor=alice)
    _token, secret = create_api_token(customer=customer, name="gateway", at=at, actor=alice)
    return secret


def test_members_come_with_their_roles(filled, bob, dora, log_in):
    rows = rows_of(log_in(bob), "members_csv")
    assert [(row["email"], row["role"]) for row in rows] == [
        ("alice@example.com", "billing_admin"), ("bob@example.com", "billing_viewer"), ("dora@example.com", "member"),
    ]  # fmt: skip


def test_tokens_come_without_what_they_open(filled, bob, log_in):
    client = log_in(bob)
    used, revoked = rows_of(client, "api_tokens_csv")
    assert (used["name"], used["created_by"], used["revoked_at"]) == ("gateway", "alice@example.com", "")
    assert filled.startswith(used["begins_with"])
    assert filled not in b"".join(client.get(reverse("api_tokens_csv")).streaming_content).decode()
    assert revoked["revoked_at"]


def test_cards_come_the_default_first(filled, bob, log_in):
    rows = rows_of(log_in(bob), "payment_methods_csv")
    assert [(row["brand"], row["last4"], row["default"]) for row in rows] == [
        ("Visa", "4242", "true"), ("Mastercard", "4444", "false"),
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "page"), FILES.items())
def test_the_page_leads_there(filled, bob, log_in, name, page):
    assert f'href="{reverse(name)}"' in log_in(bob).get(reverse(page)).content.decode()


@pytest.mark.parametrize("name", FILES)
def test_they_are_nobody_elses(filled, charlie, other_customer, dora, client, log_in, name):
    assert client.get(reverse(name)).status_code == 302
    assert log_in(dora).get(reverse(name)).status_code == 403
    own = rows_of(log_in(charlie), name)
    assert all("4444" not in str(row) and "alice" not in str(row) for row in own)


@pytest.mark.parametrize("name", FILES)
def test_they_ask_little(filled, bob, log_in, name, django_assert_max_num_queries):
    client = log_in(bob)
    with django_assert_max_num_queries(6):
        assert rows_of(client, name)
