"""Which card «Subscribe» charges, where there are several."""

import re

import pytest
from django.urls import reverse

from accounts.models import PaymentMethod, PaymentPolicy
from core.clock import travel_to
from plans.tests.conftest import add_card, new_plan
from plans.tests.test_pages import LATER, plan_of, post_upgrade, text


@pytest.fixture(autouse=True)
def _now():
    with travel_to(LATER):
        yield


@pytest.fixture
def two_cards(customer, at):
    """The default, and another one."""
    default, other = add_card(customer, at), PaymentMethod(**values_of(customer, at))
    other.save()
    return default, other


def values_of(customer, at):
    own = f"other_{customer.pk}"
    card = {"gateway": "sandbox", "token": own, "fingerprint": own, "brand": "Mastercard"}
    return {**card, "customer": customer, "last4": "4444", "exp_month": 3, "exp_year": 2030, "created_at": at}


def test_several_cards_are_a_choice_with_the_default_chosen(free, two_cards, as_alice):
    page = text(as_alice.get(reverse("plan_upgrade", args=["plus"])))
    default, other = two_cards
    assert re.search(rf'<input type="radio" name="payment_method" value="{default.key}"[^>]* checked', page)
    assert re.search(rf'<input type="radio" name="payment_method" value="{other.key}"(?![^>]* checked)', page)
    assert "Mastercard ending 4444, expires 03/2030" in page


def test_one_card_is_no_choice(free, customer, as_alice, at):
    add_card(customer, at)
    page = text(as_alice.get(reverse("plan_upgrade", args=["plus"])))
    assert 'type="radio"' not in page
    assert "Your default card." in page


def test_the_card_that_is_chosen_is_charged_from_now_on(free, customer, two_cards, as_alice):
    _default, other = two_cards
    post_upgrade(as_alice, payment_method=other.key)
    assert plan_of(customer) == "plus"
    assert PaymentMethod.objects.get(is_default=True) == other


def test_a_page_without_a_choice_leaves_the_default(free, customer, two_cards, as_alice):
    post_upgrade(as_alice)
    assert plan_of(customer) == "plus"
    assert PaymentMethod.objects.get(is_default=True) == two_cards[0]


def test_anybody_elses_card_is_no_choice(free, customer, two_cards, as_alice, other_customer, at):
    theirs = PaymentMethod.objects.create(**values_of(other_customer, at))
    answer = post_upgrade(as_alice, payment_method=theirs.key)
    assert answer.status_code == 422
    assert "Choose one of your cards." in text(answer)
    assert plan_of(customer) == "free"


def test_an_expired_card_is_marked_where_it_is_charged(free, customer, at, as_alice):
    card = add_card(customer, at)
    expire(card)
    page = text(as_alice.get(reverse("plan_upgrade", args=["plus"])))
    assert re.search(r"Visa ending 4242, expires 09/2026 <span class=\"badge[^>]*>(<svg.*?</svg>)?Expired</span>", page)


def test_an_expired_card_is_marked_among_several(free, two_cards, as_alice):
    expire(two_cards[0])
    page = text(as_alice.get(reverse("plan_upgrade", args=["plus"])))
    assert "Visa ending 4242, expired 09/2026" in page
    assert "Mastercard ending 4444, expires 03/2030" in page


def test_cancel_warns_that_the_final_invoice_would_be_charged_to_an_expired_card(plus, as_alice):
    warned = (
        "This card expired in 09/2026. If it is declined, the invoice stays open until you pay it with another card."
    )
    assert "This card expired" not in text(as_alice.get(reverse("plan_cancel")))
    expire(PaymentMethod.objects.get())
    assert warned in text(as_alice.get(reverse("plan_cancel")))


@pytest.mark.parametrize("with_card", [False, True])
def test_where_no_card_is_needed_none_is_asked_for(free, customer, at, as_alice, with_card):
    loose = new_plan("loose", at=at, payment_policy=PaymentPolicy.OPTIONAL)
    if with_card:
        add_card(customer, at)
    page = text(as_alice.get(reverse("plan_upgrade", args=[loose.key])))
    assert ("No payment method is needed: you get invoices to pay." in page) is not with_card
    assert ("You get an invoice each month until you cancel." in page) is not with_card
    assert ("You authorise Meridian Cloud SAS to charge this payment method" in page) is with_card
    assert "Card details are entered" not in page


def expire(card):
    PaymentMethod.objects.filter(pk=card.pk).update(exp_month=9, exp_year=2026)
