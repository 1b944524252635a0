"""A customer's own clock: who may have one, and how it goes – forward, once, and never over documents to come."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.exceptions import (
    ClockAheadError,
    ClockBackwardsError,
    ClockMissingError,
    ClockMovedError,
    ClockMovesError,
    ClockParkedError,
    ClockTooFarError,
    NotSandboxError,
)
from accounts.gateways import get_gateway
from accounts.models import AuditEntry, CardSetup, ClockMove, Customer, GatewayName, PaymentMethod
from accounts.services.add_payment_method import add_payment_method
from accounts.services.end_clock import end_clock
from accounts.services.end_move import end_move
from accounts.services.move_clock import move_clock
from accounts.services.park_customer import park_customer
from accounts.services.start_clock import start_clock
from accounts.services.turn_clock import turn_clock
from accounts.tests.cards import add_card, enter, visit
from accounts.tests.gateway_faults import at_once

DAY = timedelta(days=1)


def started(customer, alice, at):
    return start_clock(customer_id=customer.pk, at=at, actor=alice, reason="To try it out")


def move(customer, alice, shown, until, key="clk_1"):
    return move_clock(customer_id=customer.pk, key=key, shown=shown, until=until, at=shown, actor=alice)


def stripe_card(customer, at, **values):
    return PaymentMethod.objects.create(
        customer=customer, gateway=GatewayName.STRIPE, token="pm_real", brand="Visa", last4="4242", exp_month=1,
        exp_year=2030, created_at=at, **values,
    )  # fmt: skip


@pytest.mark.django_db
def test_it_starts_once_at_the_present_and_is_written_down(customer, alice, at):
    assert started(customer, alice, at).clock_at == at
    assert started(customer, alice, at + DAY).clock_at == at
    entry = AuditEntry.objects.get(action="start_clock")
    assert (entry.actor, entry.after, entry.reason) == (alice, {"clock": at.isoformat()}, "To try it out")


@pytest.mark.django_db
@pytest.mark.parametrize("known", ["card", "deleted card", "visit", "customer"])
def test_it_refuses_customers_of_a_real_processor(known, customer, alice, at):
    if known == "visit":
        CardSetup.objects.create(
            customer=customer, user=alice, gateway=GatewayName.STRIPE, gateway_id="cs_1", created_at=at
        )
    elif known == "customer":
        Customer.objects.filter(pk=customer.pk).update(gateway_customer="stripe:cus_1")
    else:
        stripe_card(customer, at, deleted_at=at if known == "deleted card" else None)
    with pytest.raises(NotSandboxError) as refused:
        started(customer, alice, at)
    assert "real" in refused.value.message
    customer.refresh_from_db()
    assert customer.clock_at is None
    assert not AuditEntry.objects.filter(action="start_clock").exists()


@pytest.mark.django_db
def test_where_cards_go_to_a_real_processor_only_a_sandbox_card_makes_a_sandbox_customer(
    customer, other_customer, alice, charlie, at, settings
):
    add_card(customer, alice, at)
    settings.CARD_GATEWAY = GatewayName.STRIPE
    with pytest.raises(NotSandboxError) as refused:
        started(other_customer, charlie, at)
    assert "Only a customer with a sandbox card" in refused.value.message
    assert started(customer, alice, at).clock_at == at


@pytest.mark.django_db
def test_with_a_clock_new_cards_go_to_the_sandbox_whatever_is_set(customer, alice, at, settings):
    add_card(customer, alice, at)
    customer = started(customer, alice, at)
    settings.CARD_GATEWAY = GatewayName.STRIPE
    assert visit(customer, alice, at).gateway == GatewayName.SANDBOX


@pytest.mark.django_db(transaction=True)
def test_a_real_card_that_comes_back_later_is_not_kept(customer, alice, at, monkeypatch):
    setup = visit(customer, alice, at)
    enter(setup, "4242424242424242")
    started(customer, alice, at)
    CardSetup.objects.filter(pk=setup.pk).update(gateway=GatewayName.STRIPE)
    sandbox = get_gateway()  # answers in the real one's place, which is out of reach of tests
    monkeypatch.setattr("accounts.services.add_payment_method.get_gateway", lambda _name: sandbox)
    with pytest.raises(NotSandboxError):
        add_payment_method(setup_key=setup.key, at=at, actor=alice)
    assert not PaymentMethod.objects.exists()


@pytest.mark.django_db
def test_a_move_is_a_row_and_twice_is_once(customer, alice, at):
    started(customer, alice, at)
    first = move(customer, alice, at, at + DAY)
    assert move(customer, alice, at, at + 2 * DAY) == first
    assert (first.starts_at, first.until, first.ended_at) == (at, at + DAY, None)
    entry = AuditEntry.objects.get(action="move_clock")
    assert (entry.before, entry.after) == ({"clock": at.isoformat()}, {"clock": (at + DAY).isoformat()})
    customer.refresh_from_db()
    assert customer.clock_at == at  # only asked for


@pytest.mark.django_db
def test_it_refuses_what_would_not_be_right(customer, alice, at):
    with pytest.raises(ClockMissingError):
        move(customer, alice, at, at + DAY)
    started(customer, alice, at)
    for until in (at, at - DAY):
        with pytest.raises(ClockBackwardsError):
            move(customer, alice, at, until)
    with pytest.raises(ClockTooFarError) as refused:
        move(customer, alice, at, at + 401 * DAY)
    assert "400 days at most" in refused.value.message
    with pytest.raises(ClockMovedError) as refused:
        move(customer, alice, at - DAY, at + DAY)
    assert "20 Oct 2026" in refused.value.message
    move(customer, alice, at, at + DAY)
    with pytest.raises(ClockMovesError) as refused:
        move(customer, alice, at, at + 3 * DAY, key="clk_2")
    assert "21 Oct 2026" in refused.value.message
    with pytest.raises(ClockMovesError):
        end_clock(customer_id=customer.pk, at=at, actor=alice)
    assert ClockMove.objects.count() == 1


@pytest.mark.django_db
def test_it_refuses_who_is_parked_or_has_become_real(customer, alice, at):
    started(customer, alice, at)
    park_customer(customer_id=customer.pk, reason="no price", at=at)
    with pytest.raises(ClockParkedError):
        move(customer, alice, at, at + DAY)
    Customer.objects.filter(pk=customer.pk).update(parked_at=None)
    stripe_card(customer, at)
    with pytest.raises(NotSandboxError):
        move(customer, alice, at, at + DAY)


@pytest.mark.django_db
def test_it_turns_forward_only_and_no_further_than_the_move(customer, alice, at):
    started(customer, alice, at)
    asked = move(customer, alice, at, at + DAY)
    for to, shows in ((at + DAY / 2, at + DAY / 2), (at, at + DAY / 2), (at + 9 * DAY, at + DAY)):
        assert turn_clock(move_id=asked.pk, to=to).clock_at == shows
    asked.refresh_from_db()
    assert asked.stops == 2
    ended = end_move(move_id=asked.pk, at=at)
    assert end_move(move_id=asked.pk, at=at + DAY, stopped="Too late").ended_at == ended.ended_at == at
    assert AuditEntry.objects.get(action="end_move").after == {"clock": (at + DAY).isoformat(), "stops": 2}
    assert turn_clock(move_id=asked.pk, to=at + 2 * DAY).clock_at == at + DAY


@pytest.mark.django_db
def test_it_ends_only_when_real_time_has_caught_up(customer, alice, at):
    started(customer, alice, at)
    asked = move(customer, alice, at, at + DAY)
    turn_clock(move_id=asked.pk, to=at + DAY)
    end_move(move_id=asked.pk, at=at)
    with pytest.raises(ClockAheadError) as refused:
        end_clock(customer_id=customer.pk, at=at + DAY / 2, actor=alice)
    assert "21 Oct 2026" in refused.value.message
    assert end_clock(customer_id=customer.pk, at=at + DAY, actor=alice, reason="Seen enough").clock_at is None
    end_clock(customer_id=customer.pk, at=at + DAY, actor=alice)  # twice is once
    entry = AuditEntry.objects.get(action="end_clock")
    assert (entry.before, entry.reason) == ({"clock": (at + DAY).isoformat()}, "Seen enough")


@pytest.mark.django_db(transaction=True)
def test_two_at_once_ask_for_one_move(customer, alice, at):
    started(customer, alice, at)
    same = at_once(*[lambda: move(customer, alice, at, at + DAY)] * 2)
    assert same[0] == same[1]
    end_move(move_id=same[0].pk, at=at)

    def tried(key):
        try:
            return type(move(customer, alice, at, at + DAY, key=key)).__name__
        except ClockMovesError as refused:
            return type(refused).__name__

    assert sorted(at_once(lambda: tried("a"), lambda: tried("b"))) == ["ClockMove", "ClockMovesError"]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_start_one_clock(customer, alice, at):
    both = at_once(lambda: started(customer, alice, at), lambda: started(customer, alice, at + DAY))
    assert both[0].clock_at == both[1].clock_at
    assert AuditEntry.objects.filter(action="start_clock").count() == 1


@pytest.mark.django_db
def test_a_worker_takes_a_move_that_nobody_is_at(customer, alice, at):
    started(customer, alice, at)
    move(customer, alice, at, at + DAY)
    assert ClockMove.objects.claim(at).busy_until == at + timedelta(minutes=1)
    assert ClockMove.objects.claim(at) is None
    assert ClockMove.objects.claim(at + timedelta(minutes=1)) is not None  # it was killed


@pytest.mark.django_db
def test_the_database_refuses_a_move_backwards_and_two_at_a_time(customer, alice, at):
    values = {"customer": customer, "actor": alice, "starts_at": at, "wanted_at": at}
    with pytest.raises(IntegrityError, match="clock_move_forward"), transaction.atomic():
        ClockMove.objects.create(key="a", until=at, **values)
    ClockMove.objects.create(key="b", until=at + DAY, **values)
    with pytest.raises(IntegrityError, match="clock_move_one_at_a_time"), transaction.atomic():
        ClockMove.objects.create(key="c", until=at + DAY, **values)
