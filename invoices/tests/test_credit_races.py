"""Two real connections at once: credit on documents is drawn once and given back once."""

from datetime import timedelta

import pytest
from django.db import transaction

from accounts.services.lock_customers import lock_customers
from credits.models import CreditGrant
from invoices.models import CreditStatement, Invoice
from invoices.services.discard_drafts import discard_drafts
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.void_invoice import void_invoice
from invoices.tests.cast import calculated, draft, open_invoice
from invoices.tests.credited import CALCULATED_AT, ISSUED_AT, granted, left, settled
from invoices.tests.test_races import at_once
from invoices.tests.test_statements import LATER, stated

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("seller", "books_hold")]


def drafted(customer, wanted):
    with transaction.atomic():
        lock_customers([customer.pk])
        return draft_invoices(drafts=[wanted], at=CALCULATED_AT)


def test_one_draft_made_twice_at_once_draws_once(customer):
    granted(customer, 9000)
    wanted = draft(customer, 4900)
    [first], [second] = at_once(*[lambda: drafted(customer, wanted)] * 2)
    assert first.pk == second.pk
    assert left(customer) == 4100


def test_two_drafts_at_once_never_spend_the_same_credit(customer):
    granted(customer, 6000)
    one, other = draft(customer, 4900), draft(customer, 4900)
    results = at_once(lambda: drafted(customer, one), lambda: drafted(customer, other))
    assert sorted(invoice.credits for [invoice] in results) == [1100, 4900]
    assert left(customer) == 0


def test_a_draft_is_discarded_or_issued_never_both(customer):
    granted(customer, 4000)
    invoice = calculated(customer, 4900)
    at_once(
        lambda: discard_drafts(customer_ids=[customer.pk], at=ISSUED_AT),
        lambda: finalize_invoices(invoice_ids=[invoice.pk], at=ISSUED_AT),
    )
    invoice = Invoice.objects.get(pk=invoice.pk)
    assert left(customer) == (0 if invoice.number else 4000)


def test_two_discards_and_two_voids_give_back_once(customer, staff):
    granted(customer, 9000)
    issued = open_invoice(customer, 9500)
    at_once(*[lambda: void_invoice(invoice_id=issued.pk, at=ISSUED_AT, actor=staff, reason="Wrong")] * 2)
    assert settled(customer) == 9000
    calculated(customer, 4900)
    at_once(*[lambda: discard_drafts(customer_ids=[customer.pk], at=ISSUED_AT + timedelta(hours=1))] * 2)
    assert settled(customer) == 9000
    assert CreditGrant.objects.get().used == 0


def test_a_month_is_stated_once(customer):
    granted(customer, 1000)
    first, second = at_once(*[lambda: stated(customer, at=LATER)] * 2)
    assert first.pk == second.pk
    assert CreditStatement.objects.count() == 1
