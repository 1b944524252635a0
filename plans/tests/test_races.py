"""Two real connections at once: the customer's lock lets one through, the other gets its result or a refusal."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection

from invoices.models import Invoice
from plans.exceptions import AlreadySubscribedError, NothingToCancelError, PlansError
from plans.models import QuoteKind, RatedUsage, Subscription
from plans.services.bill_late_usage import bill_late_usage
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.services.carry_out_changes import carry_out_changes
from plans.services.change_plan import change_plan
from plans.services.make_quote import make_quote
from plans.services.open_default_subscription import open_default_subscription
from plans.services.schedule_change import schedule_change
from plans.services.subscribe import subscribe
from plans.tests.conftest import add_card, cancel_quote, change_quote, new_plan, send

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """What each action gave or raised, each on a connection of its own, all begun together."""
    barrier = Barrier(len(actions))
    results: list[Any] = [None] * len(actions)

    def run(place: int, action: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            results[place] = action()
        except PlansError as refusal:
            results[place] = refusal
        finally:
            connection.close()

    threads = [Thread(target=run, args=pair) for pair in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_it_subscribes_once_with_the_same_quote(customer, catalogue, seller, at):
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    add_card(customer, at)
    quote = make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=catalogue.plus, at=at, actor=None)

    one, two = at_once(*[lambda: subscribe(quote=quote, at=at, actor=None)] * 2)

    assert one.opened == two.opened
    assert Subscription.objects.filter(plan=catalogue.plus).count() == 1


def test_it_subscribes_once_with_two_quotes(customer, catalogue, seller, at):
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    add_card(customer, at)
    quotes = [
        make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=catalogue.plus, at=at, actor=None)
        for _ in range(2)
    ]

    results = at_once(*[lambda quote=quote: subscribe(quote=quote, at=at, actor=None) for quote in quotes])

    assert sum(isinstance(result, AlreadySubscribedError) for result in results) == 1
    assert Subscription.objects.filter(plan=catalogue.plus).count() == 1


def test_it_cancels_once(plus, customer, at):
    later = at + timedelta(days=5)
    quote = cancel_quote(customer, later)

    one, two = at_once(*[lambda: cancel_subscription(quote=quote, at=later, actor=None)] * 2)

    assert one.invoice == two.invoice
    assert Invoice.objects.count() == 1


def test_it_cancels_once_with_two_quotes(plus, customer, at):
    later = at + timedelta(days=5)
    quotes = [cancel_quote(customer, later) for _ in range(2)]

    results = at_once(*[lambda quote=quote: cancel_subscription(quote=quote, at=later, actor=None) for quote in quotes])

    assert sum(isinstance(result, NothingToCancelError) for result in results) == 1
    assert Invoice.objects.count() == 1


def test_it_calculates_once(plus, customer, at):
    send(customer, at + timedelta(days=1), tokens=1_000_000)
    due = datetime(2026, 11, 17, 2, tzinfo=UTC)

    results = at_once(*[lambda: calculate_charges(subscription_ids=[plus.pk], at=due)] * 2)

    assert sorted(len(result) for result in results) == [0, 1]
    assert Invoice.objects.count() == 1
    assert RatedUsage.objects.filter(subscription=plus).count() == 2


def test_it_bills_once_when_cancelling_meets_the_calculation(plus, customer, at):
    send(customer, at + timedelta(days=1), tokens=1_000_000)
    due = datetime(2026, 11, 17, 2, tzinfo=UTC)
    quote = cancel_quote(customer, due)

    at_once(
        lambda: cancel_subscription(quote=quote, at=due, actor=None),
        lambda: calculate_charges(subscription_ids=[plus.pk], at=due),
    )

    [billed] = Invoice.objects.exclude(status="void")
    assert (billed.key, billed.total) == (f"subscription:{plus.pk}:closing", quote.total)


def test_it_changes_once_with_the_same_quote(plus, customer, catalogue, at):
    pro, later = new_plan("pro", at=at), at + timedelta(days=5)
    quote = change_quote(customer, pro, later)

    one, two = at_once(*[lambda: change_plan(quote=quote, at=later, actor=None)] * 2)

    assert (one.opened, one.invoice) == (two.opened, two.invoice)
    assert Subscription.objects.filter(plan=pro).count() == 1


def test_it_changes_or_cancels_but_not_both(plus, customer, catalogue, at):
    pro, later = new_plan("pro", at=at), at + timedelta(days=5)
    change, cancel = change_quote(customer, pro, later), cancel_quote(customer, later)

    results = at_once(
        lambda: change_plan(quote=change, at=later, actor=None),
        lambda: cancel_subscription(quote=cancel, at=later, actor=None),
    )

    assert sum(isinstance(result, PlansError) for result in results) == 1
    assert Invoice.objects.count() == 1


def test_a_scheduled_change_is_carried_out_once(plus, customer, catalogue, at):
    pro, due = new_plan("pro", at=at), datetime(2026, 11, 8, 1, tzinfo=UTC)
    change = schedule_change(
        customer_id=customer.pk, plan=pro, when=due.date(), at=at, actor=None, reason="Agreed by phone"
    )

    at_once(*[lambda: carry_out_changes(change_ids=[change.pk], at=due)] * 2)

    assert Subscription.objects.filter(plan=pro).count() == 1


def test_late_usage_is_followed_up_once(plus, customer, at):
    ends_at = at + timedelta(days=5)
    cancel_subscription(quote=cancel_quote(customer, ends_at), at=ends_at, actor=None)
    send(customer, at + timedelta(days=1), tokens=1_000_000, received=ends_at + timedelta(hours=1))
    due = datetime(2026, 11, 17, 2, tzinfo=UTC)

    results = at_once(*[lambda: bill_late_usage(subscription_ids=[plus.pk], at=due)] * 2)

    assert sorted(len(result) for result in results) == [0, 1]
