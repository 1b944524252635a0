import threading
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import selectors
from accounts.exceptions import (
    CardNotEnteredError,
    DefaultRequiredError,
    DuplicateCardError,
    ManagedByContractError,
    PaymentMethodDeletedError,
    UnknownCardSetupError,
)
from accounts.models import AuditEntry, CardSetup, Notice, PaymentMethod, PaymentPolicy
from accounts.services.add_payment_method import add_payment_method
from accounts.services.delete_payment_method import delete_payment_method
from accounts.services.make_default import make_default
from accounts.services.start_card_setup import start_card_setup
from accounts.tests.cards import MASTERCARD, NO_FUNDS, VISA, add_card, enter, visit

SEED_SENTENCE = (
    "If you have an active plan, you must have at least one payment method configured. "
    "You can't delete the default payment method unless you're using the Free tier."
)


def set_policy(customer, policy):
    customer.payment_policy = policy
    customer.save(update_fields=["payment_policy"])


def default_of(customer):
    return selectors.default_payment_methods([customer.pk]).get(customer.pk)


# --- adding ---------------------------------------------------------------------------------------------------------


def test_it_makes_the_first_card_the_default(customer, alice, at):
    method = add_card(customer, alice, at)

    assert str(method) == "Visa ending 4242"
    assert default_of(customer) == method
    assert (method.exp_month, method.exp_year) == (4, 2030)
    entry = AuditEntry.objects.get(action="add_payment_method")
    assert (entry.actor, entry.subject) == (alice, f"payment_method:{method.pk}")
    assert entry.after == {"card": "Visa ending 4242", "is_default": True}


def test_it_keeps_the_default_when_a_second_card_comes(customer, alice, at):
    first = add_card(customer, alice, at)
    second = add_card(customer, alice, at, MASTERCARD)

    assert default_of(customer) == first
    assert not second.is_default


def test_it_makes_a_second_card_the_default_where_that_was_asked_for(customer, alice, at):
    add_card(customer, alice, at)
    second = add_card(customer, alice, at, MASTERCARD, make_default=True)

    assert default_of(customer) == second


def test_it_gives_the_same_card_for_a_repeated_return(customer, alice, at):
    setup = visit(customer, alice, at)
    enter(setup, VISA)
    first = add_payment_method(setup_key=setup.key, at=at, actor=alice)
    again = add_payment_method(setup_key=setup.key, at=at + timedelta(minutes=1), actor=alice)

    assert again == first
    assert PaymentMethod.objects.count() == 1
    assert Notice.objects.filter(template="accounts_payment_method").count() == 1


def test_it_refuses_the_same_card_twice(customer, alice, at):
    add_card(customer, alice, at)

    with pytest.raises(DuplicateCardError, match="fingerprint") as refusal:
        add_card(customer, alice, at)

    assert refusal.value.message == "This card is already saved."
    assert PaymentMethod.objects.count() == 1


def test_it_takes_a_deleted_card_again(customer, alice, at):
    delete_payment_method(payment_method=add_card(customer, alice, at), at=at, actor=alice)
    again = add_card(customer, alice, at)

    assert selectors.payment_methods(customer) == [again]


def test_it_lets_two_customers_have_the_same_card(customer, other_customer, alice, charlie, at):
    ours, theirs = add_card(customer, alice, at), add_card(other_customer, charlie, at)

    assert ours.token != theirs.token
    assert default_of(other_customer) == theirs


def test_it_refuses_a_return_without_a_card(customer, alice, at):
    setup = visit(customer, alice, at)

    with pytest.raises(CardNotEnteredError):
        add_payment_method(setup_key=setup.key, at=at, actor=alice)


def test_it_refuses_a_return_from_nowhere(db, alice, at):
    with pytest.raises(UnknownCardSetupError):
        add_payment_method(setup_key="set_unknown", at=at, actor=alice)


def test_it_opens_no_card_page_for_cards_kept_by_contract(customer, alice, at):
    set_policy(customer, PaymentPolicy.MANAGED_BY_CONTRACT)

    with pytest.raises(ManagedByContractError) as refusal:
        start_card_setup(customer=customer, user=alice, next_url="", at=at, build_url=str)

    assert refusal.value.status == 403
    assert refusal.value.message.startswith("Self-service payment management is not available for Enterprise accounts.")
    assert not CardSetup.objects.exists()


def test_it_keeps_no_card_when_the_plan_became_enterprise_meanwhile(customer, alice, at):
    setup = visit(customer, alice, at)
    enter(setup, VISA)
    set_policy(customer, PaymentPolicy.MANAGED_BY_CONTRACT)

    with pytest.raises(ManagedByContractError):
        add_payment_method(setup_key=setup.key, at=at, actor=alice)

    assert not PaymentMethod.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_it_keeps_one_card_when_the_return_is_loaded_twice_at_once(customer, alice, at):
    setup = visit(customer, alice, at)
    enter(setup, VISA)
    ready, found = threading.Barrier(2), []

    def come_back():
        ready.wait(10)
        found.append(add_payment_method(setup_key=setup.key, at=at, actor=alice).pk)
        connection.close()

    tabs = [threading.Thread(target=come_back) for _ in range(2)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join(10)

    assert found == [PaymentMethod.objects.get().pk] * 2
    assert AuditEntry.objects.filter(action="add_payment_method").count() == 1


# --- the default ----------------------------------------------------------------------------------------------------


def test_it_makes_another_card_the_default(customer, alice, at):
    first, second = add_card(customer, alice, at), add_card(customer, alice, at, MASTERCARD)

    make_default(payment_method=second, at=at, actor=alice)

    assert default_of(customer) == second
    assert not PaymentMethod.objects.get(pk=first.pk).is_default
    entry = AuditEntry.objects.get(action="make_default")
    assert (entry.before, entry.after) == (
        {"default": "Visa ending 4242"},
        {"default": "Mastercard ending 4444"},
    )


def test_it_writes_nothing_when_a_card_is_the_default_already(customer, alice, at):
    add_card(customer, alice, at)
    second = add_card(customer, alice, at, MASTERCARD)
    make_default(payment_method=second, at=at, actor=alice)
    make_default(payment_method=second, at=at, actor=alice)

    assert AuditEntry.objects.filter(action="make_default").count() == 1


def test_it_never_makes_a_deleted_card_the_default(customer, alice, at):
    add_card(customer, alice, at)
    gone = delete_payment_method(payment_method=add_card(customer, alice, at, MASTERCARD), at=at, actor=alice)

    with pytest.raises(PaymentMethodDeletedError):
        make_default(payment_method=gone, at=at, actor=alice)


@pytest.mark.parametrize("verb", [make_default, delete_payment_method])
def test_it_leaves_cards_kept_by_contract_alone(verb, customer, alice, at):
    add_card(customer, alice, at)
    second = add_card(customer, alice, at, MASTERCARD)
    set_policy(customer, PaymentPolicy.MANAGED_BY_CONTRACT)

    with pytest.raises(ManagedByContractError):
        verb(payment_method=second, at=at, actor=alice)

    assert len(selectors.payment_methods(customer)) == 2
    assert default_of(customer) != second


def test_it_has_one_default_at_most_even_for_sql(customer, alice, at):
    add_card(customer, alice, at)
    second = add_card(customer, alice, at, MASTERCARD)

    with pytest.raises(IntegrityError, match="payment_method_one_default"), transaction.atomic():
        PaymentMethod.objects.filter(pk=second.pk).update(is_default=True)


@pytest.mark.django_db(transaction=True)
def test_it_ends_with_one_default_when_two_are_chosen_at_once(customer, alice, at):
    add_card(customer, alice, at)
    rivals = [add_card(customer, alice, at, number) for number in (MASTERCARD, NO_FUNDS)]
    ready = threading.Barrier(2)

    def choose(method):
        ready.wait(10)
        make_default(payment_method=method, at=at, actor=alice)
        connection.close()

    tabs = [threading.Thread(target=choose, args=[method]) for method in rivals]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join(10)

    assert default_of(customer) in rivals
    assert AuditEntry.objects.filter(action="make_default").count() == 2


# --- deleting -------------------------------------------------------------------------------------------------------


def test_it_keeps_the_default_while_a_paid_plan_is_active(customer, alice, at):
    method = add_card(customer, alice, at)
    add_card(customer, alice, at, MASTERCARD)
    set_policy(customer, PaymentPolicy.REQUIRED)

    with pytest.raises(DefaultRequiredError) as refusal:
        delete_payment_method(payment_method=method, at=at, actor=alice)

    assert (refusal.value.status, refusal.value.message) == (409, SEED_SENTENCE)
    assert default_of(customer) == method
    assert not AuditEntry.objects.filter(action="delete_payment_method").exists()


def test_it_deletes_another_card_on_a_paid_plan(customer, alice, at):
    first, second = add_card(customer, alice, at), add_card(customer, alice, at, MASTERCARD)
    set_policy(customer, PaymentPolicy.REQUIRED)

    delete_payment_method(payment_method=second, at=at, actor=alice)

    assert selectors.payment_methods(customer) == [first]
    assert default_of(customer) == first


def test_it_deletes_the_last_card_on_free(customer, alice, at):
    method = add_card(customer, alice, at)

    delete_payment_method(payment_method=method, at=at, actor=alice)

    assert selectors.payment_methods(customer) == []
    assert PaymentMethod.objects.get(pk=method.pk).deleted_at == at
    entry = AuditEntry.objects.get(action="delete_payment_method")
    assert entry.before == {"card": "Visa ending 4242", "is_default": True}
    assert entry.after == {}


def test_it_makes_the_newest_other_card_the_default_on_free(customer, alice, at):
    first = add_card(customer, alice, at)
    add_card(customer, alice, at + timedelta(days=1), MASTERCARD)
    newest = add_card(customer, alice, at + timedelta(days=2), NO_FUNDS)

    delete_payment_method(payment_method=first, at=at, actor=alice)

    assert default_of(customer) == newest
    assert AuditEntry.objects.get(action="delete_payment_method").after == {"default": "Visa ending 9995"}


def test_it_deletes_once(customer, alice, at):
    method = add_card(customer, alice, at)
    delete_payment_method(payment_method=method, at=at, actor=alice)
    delete_payment_method(payment_method=method, at=at + timedelta(days=1), actor=alice)

    assert PaymentMethod.objects.get(pk=method.pk).deleted_at == at
    assert AuditEntry.objects.filter(action="delete_payment_method").count() == 1


def test_it_tells_recipients_and_admins_of_every_change_of_cards(customer, alice, at):
    customer.billing_profile.recipients = ["accounts@example.com"]
    customer.billing_profile.save()
    first = add_card(customer, alice, at)
    second = add_card(customer, alice, at, MASTERCARD)
    make_default(payment_method=second, at=at, actor=alice)
    delete_payment_method(payment_method=first, at=at, actor=alice)

    notices = Notice.objects.filter(template="accounts_payment_method").order_by("pk")
    assert [notice.context["change"] for notice in notices] == ["added", "added", "default", "removed"]
    assert all(notice.to == ["accounts@example.com", "alice@example.com"] for notice in notices)


@pytest.mark.parametrize(
    ("on", "expired"), [(date(2030, 4, 30), False), (date(2030, 5, 1), True), (date(2029, 12, 31), False)]
)
def test_it_is_good_until_the_last_day_of_its_month(on, expired):
    assert PaymentMethod(exp_month=4, exp_year=2030).has_expired(on) is expired
