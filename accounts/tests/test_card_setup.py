"""Which processor a new card goes to, and as whose: the processor's customer is made once and kept."""

import pytest

from accounts.gateways.base import GatewayTimeoutError
from accounts.models import CardSetup, Customer, PaymentMethod
from accounts.services.start_card_setup import start_card_setup
from accounts.tests.cards import VISA, add_card, enter, visit
from accounts.tests.gateway_faults import at_once


def kept(customer):
    return Customer.objects.get(pk=customer.pk).gateway_customer


def test_it_makes_the_processors_customer_once(customer, alice, at, processor):
    add_card(customer, alice, at)
    visit(Customer.objects.get(pk=customer.pk), alice, at)

    [made] = processor.objects("customer")
    assert kept(customer) == f"sandbox:{made['id']}"
    assert made["metadata"] == {"key": customer.key}


def test_a_card_says_whose_it_is_at_the_processor(customer, alice, at, processor):
    token = add_card(customer, alice, at).token

    assert token.partition("/")[0] == kept(customer).removeprefix("sandbox:")
    assert token.partition("/")[2] == processor.objects("payment_method")[0]["id"]


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_make_one_customer(customer, alice, at, processor):
    def tab():
        return visit(Customer.objects.get(pk=customer.pk), alice, at)

    at_once(tab, tab)

    assert CardSetup.objects.count() == 2
    assert len(processor.objects("customer")) == 1
    assert kept(customer) == f"sandbox:{processor.objects('customer')[0]['id']}"


def test_new_cards_go_where_the_settings_say(customer, alice, at, processor, settings):
    settings.CARD_GATEWAY, settings.STRIPE_API_KEY = "stripe", "sk_test_loopback"
    settings.STRIPE_API_BASE = processor.url
    method = add_card(customer, alice, at)

    assert (method.gateway, kept(customer).partition(":")[0]) == ("stripe", "stripe")


def test_a_customer_of_one_processor_is_new_to_the_other(customer, alice, at, processor, settings):
    old = add_card(customer, alice, at)
    settings.CARD_GATEWAY, settings.STRIPE_API_KEY = "stripe", "sk_test_loopback"
    settings.STRIPE_API_BASE = processor.url
    customer.refresh_from_db()
    visit(customer, alice, at)

    assert kept(customer).startswith("stripe:cus_")
    assert PaymentMethod.objects.get().token == old.token


def test_the_demo_stays_with_the_sandbox(customer, alice, at, settings):
    settings.CARD_GATEWAY = "stripe"
    url = start_card_setup(
        customer=customer, user=alice, next_url="", at=at, build_url="http://testserver{}".format, gateway="sandbox"
    )
    assert url.startswith(settings.SANDBOX_URL)
    assert CardSetup.objects.get().gateway == "sandbox"


def test_a_customer_that_the_processor_forgot_is_made_anew(customer, alice, at, processor):
    add_card(customer, alice, at)
    processor.store.reset()  # its books were thrown away
    customer.refresh_from_db()
    setup = visit(customer, alice, at)
    enter(setup, VISA)

    assert kept(customer) == f"sandbox:{processor.objects('customer')[0]['id']}"


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_nothing_is_kept_of_a_visit_that_did_not_begin(fault, customer, alice, at, processor):
    processor.plan_faults(rules=[{"fault": fault, "operation": "sessions.create"}])
    with pytest.raises(GatewayTimeoutError):
        visit(customer, alice, at)

    assert kept(customer) == ""
    visit(customer, alice, at)
    assert len(processor.objects("customer")) == 1


@pytest.mark.parametrize("number", ["4000000000000002", "4111111111111111"])
def test_a_card_that_the_page_refuses_is_no_card(number, customer, alice, at):
    setup = visit(customer, alice, at)
    with pytest.raises(ValueError, match="did not take"):
        enter(setup, number)

    assert not PaymentMethod.objects.exists()
