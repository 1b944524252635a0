"""The same card with a new expiry, which the bank has sent: it takes the place of the old one."""

from datetime import date, timedelta

import pytest
from django.urls import reverse

from accounts import selectors
from accounts.exceptions import DuplicateCardError
from accounts.models import AuditEntry, Notice, PaymentMethod, PaymentPolicy
from accounts.services.add_payment_method import add_payment_method
from accounts.tests.cards import MASTERCARD, VISA, add_card, enter, visit

OLD, NEW = date(2030, 11, 1), date(2035, 11, 1)
LATER = timedelta(days=10)


def enter_again(customer, user, at, expires, **visiting):
    setup = visit(customer, user, at, **visiting)
    enter(setup, VISA, expires)
    return add_payment_method(setup_key=setup.key, at=at, actor=user)


@pytest.fixture
def old(customer, alice, at):
    return enter_again(customer, alice, at, OLD)


def facts(methods):
    return [(str(method), method.exp_month, method.exp_year, method.is_default) for method in methods]


def test_it_takes_the_place_of_the_old_one_and_stays_the_default(old, customer, alice, at):
    customer.payment_policy = PaymentPolicy.REQUIRED
    customer.save(update_fields=["payment_policy"])

    new = enter_again(customer, alice, at + LATER, NEW)

    assert facts(selectors.payment_methods(customer)) == [("Visa ending 4242", 11, 2035, True)]
    assert new.token != old.token
    assert Notice.objects.filter(key__startswith=f"payment_method:{new.pk}:added").count() == 1


def test_it_leaves_another_default_alone(old, customer, alice, at):
    add_card(customer, alice, at, MASTERCARD, make_default=True)

    new = enter_again(customer, alice, at + LATER, NEW)

    assert not new.is_default
    assert len(selectors.payment_methods(customer)) == 2


def test_the_old_row_stays_as_it_was_for_payments_made_with_it(old, customer, alice, at):
    enter_again(customer, alice, at + LATER, NEW)

    kept = PaymentMethod.objects.get(pk=old.pk)
    assert (kept.token, kept.exp_month, kept.exp_year) == (old.token, 11, 2030)
    assert (kept.is_default, kept.deleted_at) == (False, at + LATER)


def test_the_audit_trail_has_both_expiries(old, customer, alice, at):
    enter_again(customer, alice, at + LATER, NEW)

    entry = AuditEntry.objects.filter(action="add_payment_method").latest("pk")
    assert (entry.before["expires"], entry.after["expires"]) == ("2030-11-30", "2035-11-30")


def test_the_same_expiry_is_still_a_duplicate(old, customer, alice, at):
    with pytest.raises(DuplicateCardError):
        enter_again(customer, alice, at + LATER, OLD)

    assert selectors.payment_methods(customer) == [old]


def test_people_are_told_that_it_was_added(old, customer, alice, log_in, at):
    setup = visit(customer, alice, at + LATER)
    enter(setup, VISA, NEW)

    page = log_in(alice).get(reverse("pm_add_return"), {"setup": setup.key}, follow=True).content.decode()

    assert "Visa ending 4242 added and set as default." in page
    assert "already saved" not in page
