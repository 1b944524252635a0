"""A scheduled change does not come; and a form that is sent twice decides once."""

from datetime import timedelta

import pytest

from accounts.models import AuditEntry, Notice
from plans import books
from plans.exceptions import ChangeSettledError
from plans.models import ScheduledChange, Subscription
from plans.services.carry_out_changes import carry_out_changes
from plans.services.schedule_change import schedule_change
from plans.services.withdraw_change import withdraw_change
from plans.tests.conftest import new_plan
from plans.tests.test_races import at_once

pytestmark = pytest.mark.django_db
LATER = timedelta(days=2)
KEY = "chg_12345678901234567890"


@pytest.fixture
def change(plus, customer, catalogue, at):
    return scheduled(customer, catalogue.free, at + LATER)


def scheduled(customer, plan, at, when="period_end", key=None):
    return schedule_change(customer_id=customer.pk, plan=plan, when=when, at=at, actor=None, reason="Agreed", key=key)


def withdraw(change, at, actor=None):
    return withdraw_change(change_id=change.pk, at=at, actor=actor, reason="They stay")


def test_it_stays_on_the_present_plan(change, customer, catalogue, clerk, at):
    withdrawn = withdraw(change, at + LATER, clerk)
    assert (withdrawn.status, withdrawn.settled_at) == ("withdrawn", at + LATER)
    carry_out_changes(change_ids=[change.pk], at=change.effective_at)
    assert Subscription.objects.open().get(customer=customer).plan == catalogue.plus
    entry = AuditEntry.objects.get(action="withdraw_change")
    assert (entry.actor, entry.reason, entry.customer) == (clerk, "They stay", customer)
    assert entry.before["plan"] == "free"
    assert not Notice.objects.filter(template="plan_stays").exists()  # nobody was told that it would come
    assert list(books.check()) == []


def test_it_withdraws_once(change, at):
    first = withdraw(change, at + LATER)
    assert withdraw(change, at + 2 * LATER).settled_at == first.settled_at
    assert AuditEntry.objects.filter(action="withdraw_change").count() == 1


def test_it_leaves_room_for_another_change(change, customer, catalogue, at):
    withdraw(change, at + LATER)
    assert scheduled(customer, catalogue.free, at + LATER).pk != change.pk


def test_it_withdraws_nothing_that_is_settled(change, customer, at):
    scheduled(customer, new_plan("deluxe", at=at), at + LATER)
    with pytest.raises(ChangeSettledError):
        withdraw(change, at + LATER)
    latest = ScheduledChange.objects.get(status="scheduled")
    carry_out_changes(change_ids=[latest.pk], at=latest.effective_at)
    with pytest.raises(ChangeSettledError):
        withdraw(latest, latest.effective_at)


def test_a_key_decides_once_whatever_has_become_of_it(plus, customer, catalogue, at):
    first = scheduled(customer, catalogue.free, at + LATER, "now", KEY)
    assert scheduled(customer, catalogue.free, at + 2 * LATER, "now", KEY) == first
    assert (first.status, Subscription.objects.filter(customer=customer).count()) == ("done", 3)


@pytest.mark.django_db(transaction=True)
def test_the_run_and_a_person_at_once_do_one_of_both(change, customer, at):
    results = at_once(
        lambda: withdraw(change, change.effective_at),
        lambda: carry_out_changes(change_ids=[change.pk], at=change.effective_at),
    )
    change.refresh_from_db()
    refused = any(isinstance(result, ChangeSettledError) for result in results)
    assert change.status == ("done" if refused else "withdrawn")


@pytest.mark.django_db(transaction=True)
def test_two_forms_with_one_key_at_once_decide_once(plus, customer, catalogue, at):
    first, again = at_once(*[lambda: scheduled(customer, catalogue.free, at + LATER, "now", KEY)] * 2)
    assert first == again
