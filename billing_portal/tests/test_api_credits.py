"""What a gateway is told about a customer's credit and access."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.services.create_api_token import create_api_token
from core.clock import travel_to
from credits.tests.test_pages import grant, use
from plans.services.open_default_subscription import open_default_subscription


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


@pytest.fixture
def ask(client, customer, alice, at):
    """Ask with the customer's own token."""
    _token, secret = create_api_token(customer=customer, name="gateway", at=at, actor=alice)
    return lambda path, **values: client.get(path, values, headers={"Authorization": f"Bearer {secret}"})


def balance_url(customer):
    return f"/api/v1/customers/{customer.key}/balance"


def access_url(customer):
    return f"/api/v1/customers/{customer.key}/access"


def test_the_balance_comes_per_currency_in_both_units(ask, customer, at):
    grant(customer, 10_000, at)
    use(customer, 4_000, at)
    [balance] = ask(balance_url(customer)).json()["balances"]
    assert balance["currency"] == "USD"
    assert balance["available"] == {"amount": "60.00", "minor_units": 6_000}
    assert balance["pending"] == {"amount": "0.00", "minor_units": 0}


def test_a_customer_without_credits_has_no_balances(ask, customer):
    assert ask(balance_url(customer)).json()["balances"] == []


@pytest.mark.parametrize("address", [balance_url, access_url])
def test_only_a_valid_token_is_answered(client, customer, address):
    response = client.get(address(customer))
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("address", [balance_url, access_url])
def test_another_customer_is_not_found(ask, other_customer, at, address):
    grant(other_customer, 10_000, at)
    response = ask(address(other_customer), feature="api-requests")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "unknown_customer"


def test_an_operators_token_reads_everybody(client, customer, other_customer, at):
    _token, secret = create_api_token(customer=None, name="operator", at=at, actor=None)
    for each in (customer, other_customer):
        assert client.get(balance_url(each), headers={"Authorization": f"Bearer {secret}"}).status_code == 200


def test_writing_is_not_offered(client, customer):
    for address in (balance_url, access_url):
        assert client.post(address(customer)).status_code == 405


def test_a_feature_must_be_named_and_known(ask, customer):
    assert ask(access_url(customer)).json()["error"]["code"] == "feature_missing"
    assert ask(access_url(customer), feature="nothing").status_code == 404


def test_an_included_quantity_is_answered_for_plans_without_credits(ask, customer, alice, catalogue, at):
    open_default_subscription(customer_id=customer.pk, at=at, actor=alice)
    answer = ask(access_url(customer), feature="api-requests").json()
    assert answer["has_access"] is True
    assert answer["available"] is None
    assert answer["included"] is not None


def test_neither_answer_asks_the_database_much(ask, customer, catalogue, at):
    grant(customer, 10_000, at)
    for number in range(20):
        use(customer, 10, at, key=f"c{number}")
    for path, most in ((balance_url(customer), 3), (access_url(customer), 4)):
        with CaptureQueriesContext(connection) as asked:
            ask(path, feature="api-requests")
        assert len(asked) <= most, [query["sql"] for query in asked]
