"""Which optional messages a customer gets, and E13: the default card expires soon."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.exceptions import RequiredMailError
from accounts.figures import written
from accounts.models import AuditEntry, Customer, MutedMail, Notice, OptionalMail, PaymentMethod, PaymentPolicy
from accounts.notices import NoticeDraft
from accounts.selectors import muted_mail
from accounts.services.choose_mail import choose_mail
from accounts.services.queue_notices import queue_notices
from accounts.services.warn_card_expiries import warn_card_expiries

pytestmark = pytest.mark.django_db

LOW, CHARGES = OptionalMail.CREDITS_LOW, OptionalMail.CHARGES


def at_once(*actions):
    """All of them, each on a connection of its own, begun together."""
    barrier = Barrier(len(actions))

    def run(action):
        try:
            barrier.wait()
            return action()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(run, actions))


def draft(customer, optional="", key="one"):
    return NoticeDraft(key, customer.pk, "credits_low", ["alice@example.com"], {}, optional=optional)


def test_everything_is_sent_until_it_is_switched_off(customer, alice, at):
    queue_notices([draft(customer, LOW)], at=at)
    assert Notice.objects.count() == 1
    choose_mail(customer_id=customer.pk, muted={LOW}, at=at, actor=alice)
    queue_notices([draft(customer, LOW, "two"), draft(customer, CHARGES, "three"), draft(customer, "", "four")], at=at)
    assert set(Notice.objects.values_list("key", flat=True)) == {"one", "three", "four"}


def test_it_is_the_choice_of_one_customer(customer, other_customer, alice, at):
    choose_mail(customer_id=customer.pk, muted={LOW}, at=at, actor=alice)
    queue_notices([draft(customer, LOW), draft(other_customer, LOW, "other")], at=at)
    assert Notice.objects.get().key == "other"


def test_required_mail_asks_nothing_of_the_database(customer, at, django_assert_num_queries):
    with django_assert_num_queries(1):
        queue_notices([draft(customer)], at=at)


def test_choosing_is_audited_and_choosing_the_same_changes_nothing(customer, alice, at):
    first = choose_mail(customer_id=customer.pk, muted={LOW, CHARGES}, at=at, actor=alice)
    assert choose_mail(customer_id=customer.pk, muted=[CHARGES, LOW], at=at, actor=alice) == first == {LOW, CHARGES}
    choose_mail(customer_id=customer.pk, muted={CHARGES}, at=at, actor=alice)

    assert muted_mail(customer.pk) == {CHARGES}
    made, changed = AuditEntry.objects.filter(action="choose_mail").order_by("pk")
    assert (made.actor, made.before, made.after) == (
        alice,
        {"switched_off": []},
        {"switched_off": ["charges", "credits_low"]},
    )
    assert changed.after == {"switched_off": ["charges"]}


def test_what_is_required_cannot_be_switched_off(customer, alice, at):
    with pytest.raises(RequiredMailError):
        choose_mail(customer_id=customer.pk, muted={LOW, "invoice_issued"}, at=at, actor=alice)
    assert muted_mail(customer.pk) == frozenset()
    with pytest.raises(IntegrityError), transaction.atomic():
        MutedMail.objects.create(customer=customer, kind="invoice_issued")


@pytest.mark.django_db(transaction=True)
def test_two_who_choose_at_once_leave_what_one_of_them_chose(customer, alice, at):
    choices = [{LOW}, {CHARGES}]
    at_once(*[lambda muted=muted: choose_mail(customer_id=customer.pk, muted=muted, at=at, actor=alice)
              for muted in choices])  # fmt: skip
    assert muted_mail(customer.pk) in choices


# --- the default card expires ----------------------------------------------------------------------------------------

ADDED = datetime(2026, 1, 5, tzinfo=UTC)
LAST_DAY = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def card(customer):
    """Good until 30 Nov 2026."""
    return PaymentMethod.objects.create(
        customer=customer, gateway="sandbox", token="tok_1", brand="Visa", last4="4242", exp_month=11, exp_year=2026,
        is_default=True, created_at=ADDED,
    )  # fmt: skip


def warned(days):
    return warn_card_expiries(at=LAST_DAY - timedelta(days=days))


def test_it_is_told_a_month_before_and_a_week_before_once_each(card):
    assert [warned(days) for days in (31, 30, 29, 8, 7, 6, 0, -1)] == [0, 1, 0, 0, 1, 0, 0, 0]
    assert list(Notice.objects.order_by("pk").values_list("key", flat=True)) == [
        f"payment_method:{card.pk}:expires:30",
        f"payment_method:{card.pk}:expires:7",
    ]
    notice = Notice.objects.first()
    assert notice.template == "payment_card_expiring"
    said = written(notice.context)
    assert (said["card"], said["last_day"]) == ("Visa ending 4242", "30 Nov 2026")


def test_who_is_told_late_is_told_once(card):
    assert [warned(days) for days in (3, 2)] == [1, 0]


def test_only_the_default_card_is_told_about(card, customer, at):
    card.is_default = False
    card.save()
    assert warned(5) == 0


def test_a_card_that_was_added_shortly_before_is_told_about_in_the_next_term(card):
    card.created_at = LAST_DAY - timedelta(days=20)
    card.save()
    assert [warned(days) for days in (19, 6)] == [0, 1]


def test_it_goes_by_the_customers_own_clock(card, customer, at):
    Customer.objects.update(clock_at=LAST_DAY - timedelta(days=5))
    assert warn_card_expiries(at=at - timedelta(days=200)) == 1


def test_a_contract_manages_its_cards(card, customer):
    Customer.objects.update(payment_policy=PaymentPolicy.MANAGED_BY_CONTRACT)
    assert warned(5) == 0


def test_it_can_be_switched_off(card, customer, alice, at):
    choose_mail(customer_id=customer.pk, muted={OptionalMail.CARD_EXPIRING}, at=at, actor=alice)
    warned(5)
    assert not Notice.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_tell_once(card):
    at_once(*[lambda: warned(5)] * 2)
    assert Notice.objects.count() == 1
