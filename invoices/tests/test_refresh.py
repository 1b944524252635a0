"""Billing details that change the tax of an announced draft."""

from datetime import timedelta

from accounts.figures import written
from accounts.models import AuditEntry, Notice
from accounts.services.update_billing_profile import update_billing_profile
from core.periods import midnight
from invoices import books
from invoices.due import due_to_refresh
from invoices.models import Invoice
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.refresh_drafts import refresh_drafts
from invoices.tests.cast import BILLING_ON, calculated, open_invoice

CHANGED_AT = midnight(BILLING_ON) - timedelta(days=2)
TICK = CHANGED_AT + timedelta(hours=1)


def change(customer, **values):
    update_billing_profile(customer_id=customer.pk, values=values, at=CHANGED_AT, actor=None)


def refreshed():
    return refresh_drafts(invoice_ids=[row.id for row in due_to_refresh(TICK)], at=TICK)


def test_a_draft_is_taxed_anew_and_announced_again(seller, customer):
    invoice = calculated(customer, 1000)
    change(customer, country="FR")
    assert [(draft.pk, draft.tax, draft.total) for draft in refreshed()] == [(invoice.pk, 200, 1200)]
    invoice.refresh_from_db()
    assert (invoice.total, invoice.tax_label, invoice.announced_at) == (1200, "VAT", TICK)
    notice = Notice.objects.filter(template="invoice_announced").latest("pk")
    assert (written(notice.context)["total"], written(notice.context)["again"]) == ("$12.00", True)
    entry = AuditEntry.objects.get(action="refresh_drafts")
    assert (entry.before, entry.after) == ({"total": 1000}, {"total": 1200, "tax": 200})


def test_doing_it_twice_is_doing_it_once(seller, customer):
    calculated(customer, 1000)
    change(customer, country="FR")
    refreshed()
    assert refreshed() == []
    assert Notice.objects.filter(template="invoice_announced").count() == 2


def test_details_that_change_no_tax_announce_nothing(seller, customer):
    calculated(customer, 1000)
    change(customer, po_number="4711")
    assert refreshed() == []
    assert Notice.objects.filter(template="invoice_announced").count() == 1


def test_a_vat_id_of_another_member_state_reverses_the_charge(seller, customer):
    seller.tax_rates.create(country="DE", label="VAT", percent=19)
    change(customer, country="DE")
    invoice = calculated(customer, 1000)
    assert invoice.tax == 190
    update_billing_profile(customer_id=customer.pk, values={"tax_id": "DE136695976"}, at=TICK, actor=None)
    [draft] = refreshed()
    assert (draft.total, draft.taxes[0]["category"], draft.taxes[0]["reason"]) == (1000, "AE", "Reverse charge")
    [issued] = finalize_invoices(invoice_ids=[draft.pk], at=midnight(BILLING_ON))
    assert issued.customer_party["tax_id"] == "DE136695976"
    assert issued.collect_at is None or issued.collect_at == midnight(BILLING_ON)
    assert list(books.check()) == []


def test_what_is_issued_stays_as_it_was(seller, customer):
    invoice = open_invoice(customer, 1000)
    change(customer, country="FR")
    assert due_to_refresh(TICK) == []
    assert refresh_drafts(invoice_ids=[invoice.pk], at=TICK) == []
    assert Invoice.objects.get().total == 1000
