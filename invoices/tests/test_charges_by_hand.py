"""Charges and credits that staff add: billed once, taxed as usual, taken back by a second line."""

from datetime import date, timedelta

import pytest

from accounts.models import AuditEntry, Notice, PaymentPolicy
from accounts.services.update_billing_profile import update_billing_profile
from accounts.tests.cards import add_card
from core.periods import Period
from credits.tests.cast import grant
from invoices.exceptions import ChargeBilledError, CurrencyError, InvoiceMovedError
from invoices.hand_charges import HandCharge
from invoices.models import Invoice, InvoiceLine
from invoices.selectors import pending_lines
from invoices.services.add_charge import add_charge
from invoices.services.discard_drafts import discard_drafts
from invoices.services.take_back_charge import take_back_charge
from invoices.tests.cast import calculated, open_invoice
from invoices.tests.test_races import at_once

pytestmark = pytest.mark.usefixtures("books_hold")


def charge(customer, amount=5000, key="k1", currency="USD"):
    period = Period(date(2026, 10, 20), date(2026, 10, 21))
    return HandCharge(key, customer.pk, "Onboarding workshop", currency, amount, period)


def add(customer, at, amount=5000, key="k1", total=None, **values):
    return add_charge(charge=charge(customer, amount, key), total=total, at=at, **{"reason": "Order 77", **values})


def test_it_waits_for_the_next_invoice(seller, customer, clerk, at):
    line = add(customer, at, actor=clerk)
    assert [(row.title, row.amount) for row in pending_lines(customer.pk, "USD")] == [("Onboarding workshop", 5000)]
    draft = calculated(customer, 4900)
    line.refresh_from_db()
    assert (line.invoice, draft.total) == (draft, 9900)
    entry = AuditEntry.objects.get(action="add_charge")
    assert (entry.actor, entry.reason, entry.after["amount"]) == (clerk, "Order 77", 5000)


def test_it_leaves_a_draft_alone_that_was_announced(seller, customer, at):
    draft = calculated(customer, 4900)
    add(customer, at)
    draft.refresh_from_db()
    assert draft.total == 4900
    assert len(pending_lines(customer.pk, "USD")) == 1


def test_it_is_invoiced_now_and_collected_a_day_later(seller, customer, alice, at):
    add_card(customer, alice, at)
    update_billing_profile(customer_id=customer.pk, values={"country": "FR"}, at=at, actor=alice)
    invoice = add(customer, at, total=6000).invoice
    assert (invoice.number, invoice.total, invoice.collect_at) == ("INV-2026-000001", 6000, at + timedelta(hours=24))
    assert Notice.objects.filter(template="invoice_issued").count() == 1


def test_below_zero_it_is_a_credit_note(seller, customer, at):
    unpaid = open_invoice(customer, 4900)
    note = add(customer, at, amount=-900, total=-900).invoice
    assert (note.kind, note.number) == ("credit_note", "CN-2026-000001")
    unpaid.refresh_from_db()
    assert unpaid.amount_due == 4000


def test_credit_pays_for_it_as_usual(seller, customer, at):
    grant(customer, 2000, at)
    invoice = add(customer, at, total=3000).invoice
    assert (invoice.credits, invoice.total) == (2000, 3000)


def test_a_contract_customer_gets_an_invoice_to_pay(seller, customer, alice, at):
    add_card(customer, alice, at)
    customer.payment_policy = PaymentPolicy.MANAGED_BY_CONTRACT
    customer.save()
    assert add(customer, at, total=5000).invoice.collect_at is None


def test_it_adds_one_charge_per_form(seller, customer, at):
    first = add(customer, at, total=5000)
    assert add(customer, at + timedelta(minutes=1), amount=7000, total=7000) == first
    assert Invoice.objects.count() == 1
    assert AuditEntry.objects.filter(action="add_charge").count() == 1


def test_it_refuses_another_total_than_was_seen(seller, customer, at):
    add(customer, at, key="waits")
    with pytest.raises(InvoiceMovedError):
        add(customer, at, total=5000)
    assert not Invoice.objects.exists()
    assert add(customer, at, total=10_000).invoice.lines.count() == 2


def test_it_keeps_to_the_customers_currency(seller, customer, at):
    open_invoice(customer, 100)
    for total in (None, 5000):
        with pytest.raises(CurrencyError):
            add_charge(charge=charge(customer, currency="EUR"), total=total, at=at, reason="Test")


@pytest.mark.parametrize("amount", [5000, -700])
def test_it_is_taken_back_by_a_second_line(seller, customer, clerk, at, amount):
    line = add(customer, at, amount=amount)
    back = take_back_charge(line_id=line.pk, at=at, actor=clerk, reason="Wrong customer")
    assert (back.amount, back.title) == (-amount, "Onboarding workshop (taken back)")
    assert take_back_charge(line_id=line.pk, at=at, reason="Again") == back
    assert calculated(customer, 4900).total == 4900
    entry = AuditEntry.objects.get(action="take_back_charge")
    assert (entry.actor, entry.reason) == (clerk, "Wrong customer")


def test_taken_back_and_discarded_both_wait_again(seller, customer, at):
    grant(customer, 8000, at - timedelta(days=9))
    line = add(customer, at)
    take_back_charge(line_id=line.pk, at=at, reason="Wrong customer")
    calculated(customer, 4900)
    discard_drafts(customer_ids=[customer.pk], at=at)
    assert sum(row.amount for row in pending_lines(customer.pk, "USD")) == 0
    assert calculated(customer, 4900).credits == 4900


def test_what_is_billed_is_not_taken_back(seller, customer, at):
    line = add(customer, at)
    calculated(customer, 4900)
    with pytest.raises(ChargeBilledError):
        take_back_charge(line_id=line.pk, at=at, reason="Too late")


def test_only_what_staff_added_is_taken_back(seller, customer, at):
    back = take_back_charge(line_id=add(customer, at).pk, at=at, reason="Wrong customer")
    with pytest.raises(ChargeBilledError):
        take_back_charge(line_id=back.pk, at=at, reason="Once more")


@pytest.mark.django_db(transaction=True)
def test_two_clicks_add_one_charge(seller, customer, at):
    results = at_once(lambda: add(customer, at, total=5000), lambda: add(customer, at, total=5000))
    assert results[0] == results[1]
    assert InvoiceLine.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_people_take_it_back_once(seller, customer, at):
    line = add(customer, at)
    results = at_once(*[lambda: take_back_charge(line_id=line.pk, at=at, reason="Wrong")] * 2)
    assert results[0] == results[1]
    assert InvoiceLine.objects.count() == 2
