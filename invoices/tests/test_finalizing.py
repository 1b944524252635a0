from datetime import date, timedelta

import pytest
from django.conf import settings

from accounts.figures import written
from accounts.models import AuditEntry, BillingProfile, Notice
from accounts.services.delete_payment_method import delete_payment_method
from accounts.tests.cards import add_card
from core.due import Due
from core.periods import midnight
from invoices.due import due_to_collect, due_to_finalize
from invoices.models import Invoice, InvoiceStatus, Payment
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices
from invoices.tests.cast import BILLING_ON, calculated, draft, open_invoice

BILLED_AT = midnight(BILLING_ON) + timedelta(minutes=5)


def finalize(*invoices, at=BILLED_AT, **values):
    return finalize_invoices(invoice_ids=[invoice.pk for invoice in invoices], at=at, **values)


def test_it_gives_the_number_and_freezes_both_parties(seller, customer):
    BillingProfile.objects.filter(customer=customer).update(legal_name="Wonder Ltd", city="Lyon", po_number="PO-7")
    invoice = open_invoice(customer, 4900, at=BILLED_AT)
    seller.legal_name = "Renamed SAS"
    seller.save()
    BillingProfile.objects.filter(customer=customer).update(city="Paris")
    invoice.refresh_from_db()
    assert (invoice.number, invoice.status, invoice.issued_on) == ("INV-2026-000001", InvoiceStatus.OPEN, BILLING_ON)
    assert invoice.seller_party["legal_name"] == "Meridian Cloud SAS"
    assert (invoice.customer_party["city"], invoice.customer_party["po_number"]) == ("Lyon", "PO-7")


def test_it_numbers_without_gaps_and_each_year_anew(seller, customer):
    first, second = finalize(calculated(customer, 1), calculated(customer, 2))
    [next_year] = finalize(calculated(customer, 3), at=midnight(date(2027, 1, 2)))
    assert [first.number, second.number, next_year.number] == ["INV-2026-000001", "INV-2026-000002", "INV-2027-000001"]


def test_it_takes_no_number_when_it_fails(seller, customer, monkeypatch):
    invoice = calculated(customer, 1)
    monkeypatch.setattr("invoices.services.finalize_invoices.issued", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        finalize(invoice)
    monkeypatch.undo()
    assert finalize(invoice)[0].number == "INV-2026-000001"


def test_it_skips_what_is_no_draft_any_more(seller, customer):
    invoice = calculated(customer, 4900)
    assert [row.number for row in finalize(invoice)] == ["INV-2026-000001"]
    assert finalize(invoice, at=BILLED_AT + timedelta(days=1)) == []
    assert Invoice.objects.get().issued_on == BILLING_ON
    assert AuditEntry.objects.filter(action="finalize_invoices").count() == 1
    assert Notice.objects.filter(template="invoice_issued").count() == 1


def test_it_is_collected_on_the_billing_date_from_the_default_card(seller, customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900, at=BILLED_AT)
    assert (invoice.collect_at, invoice.due_on) == (BILLED_AT, BILLING_ON)
    assert due_to_collect(BILLED_AT) == [Due(invoice.pk, customer.pk, BILLED_AT)]


def test_without_a_card_it_is_payable_within_the_terms(seller, customer):
    invoice = open_invoice(customer, 4900, at=BILLED_AT)
    assert (invoice.collect_at, invoice.due_on) == (None, BILLING_ON + settings.PAYMENT_TERMS)
    assert due_to_collect(BILLED_AT) == []


def test_an_invoice_that_is_sent_is_not_collected(seller, customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900, collection="send_invoice")
    assert (invoice.collect_at, invoice.due_on) == (None, BILLING_ON + settings.PAYMENT_TERMS)


def test_catching_up_it_is_issued_today_and_collected_a_day_later(seller, customer, alice, at):
    """Announced only after the billing date: what was announced is what is charged, but not at once."""
    add_card(customer, alice, at)
    late = at + timedelta(days=7)
    [invoice] = draft_invoices(drafts=[draft(customer, 4900)], at=late)
    [invoice] = finalize(invoice, at=late)
    assert invoice.issued_on == late.date()
    assert (invoice.collect_at, invoice.due_on) == (late + timedelta(hours=24), late.date() + timedelta(days=1))
    assert due_to_collect(late) == []
    assert [due.id for due in due_to_collect(late + timedelta(hours=24))] == [invoice.pk]
    assert written(Notice.objects.get(template="invoice_issued").context)["later"] is True


def test_another_tax_since_the_announcement_is_announced_anew(seller, customer, alice, at):
    """The billing details changed after the calculation: taxed as they say now, collected a day after we said so."""
    add_card(customer, alice, at)
    invoice = calculated(customer, 10000)
    BillingProfile.objects.filter(customer=customer).update(country="FR")
    [invoice] = finalize(invoice)
    invoice.refresh_from_db()
    assert (invoice.tax_label, invoice.tax, invoice.total) == ("VAT", 2000, 12000)
    assert (invoice.announced_at, invoice.collect_at) == (BILLED_AT, BILLED_AT + timedelta(hours=24))
    assert written(Notice.objects.get(template="invoice_issued").context)["total"] == "$120.00"


def test_a_closing_invoice_is_collected_at_once(seller, customer, alice, at):
    add_card(customer, alice, at)
    [invoice] = draft_invoices(drafts=[draft(customer, 2034, billing_on=at.date())], at=at)
    [invoice] = finalize(invoice, at=at, collect_now=True)
    assert (invoice.collect_at, invoice.due_on) == (at, at.date())


def test_a_total_of_nothing_is_paid_without_a_payment(seller, customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 0, at=BILLED_AT)
    assert (invoice.status, invoice.paid_at, invoice.collect_at) == (InvoiceStatus.PAID, BILLED_AT, None)
    assert invoice.number == "INV-2026-000001"
    assert Payment.objects.count() == 0


def test_it_tells_number_and_amount(seller, customer, alice, at):
    card = add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900, at=BILLED_AT)
    context = written(Notice.objects.get(key=f"invoice:{invoice.pk}:issued").context)
    assert (context["number"], context["total"], context["card"]) == ("INV-2026-000001", "$49.00", str(card))


# --- when it is due -------------------------------------------------------------------------------------------------
def test_a_draft_is_due_on_its_billing_date(seller, customer):
    invoice = calculated(customer, 4900)
    assert due_to_finalize(midnight(BILLING_ON) - timedelta(microseconds=1)) == []
    assert due_to_finalize(BILLED_AT) == [Due(invoice.pk, customer.pk, BILLED_AT)]


def test_an_invoice_whose_card_is_gone_waits_for_another(seller, customer, alice, at):
    card = add_card(customer, alice, at)
    open_invoice(customer, 4900, at=BILLED_AT)
    delete_payment_method(payment_method=card, at=at, actor=alice)
    assert due_to_collect(BILLED_AT) == []


def test_a_customers_own_clock_decides(seller, customer):
    invoice = calculated(customer, 4900)
    customer.clock_at = BILLED_AT
    customer.save()
    assert due_to_finalize(BILLED_AT - timedelta(days=30)) == [Due(invoice.pk, customer.pk, BILLED_AT)]


def test_a_parked_customer_waits(seller, customer, at):
    calculated(customer, 4900)
    customer.parked_at = at
    customer.save()
    assert due_to_finalize(at) == []
