from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts.figures import written
from accounts.models import AuditEntry, BillingProfile, Notice
from accounts.services.open_customer import open_customer
from accounts.tests.cards import add_card
from core.periods import midnight
from invoices.exceptions import CurrencyError, LineBilledError, SellerMissingError
from invoices.models import Invoice, InvoiceLine, InvoiceStatus, Seller
from invoices.selectors import tax_rules, unsettled
from invoices.services.discard_drafts import discard_drafts
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices
from invoices.tests.cast import BILLING_ON, calculated, draft, line, open_invoice

CALCULATED_AT = midnight(BILLING_ON) - timedelta(days=3)


def put_in(customer, country):
    BillingProfile.objects.filter(customer=customer).update(country=country)


def test_it_fixes_lines_tax_and_total(seller, customer):
    put_in(customer, "FR")
    invoice = calculated(customer, 1797, 235)
    assert (invoice.subtotal, invoice.tax, invoice.total) == (2032, 406, 2438)
    assert (invoice.tax_label, invoice.tax_percent) == ("VAT", Decimal(20))
    assert [(row.position, row.amount, row.currency) for row in invoice.lines.all()] == [
        (1, 1797, "USD"),
        (2, 235, "USD"),
    ]
    assert (invoice.status, invoice.number) == (InvoiceStatus.DRAFT, None)


def test_it_takes_everybody_elses_rate_where_the_country_has_none(seller, customer):
    put_in(customer, "US")
    rule = tax_rules([customer.pk])[customer.pk]
    assert (rule.label, rule.percent) == ("", Decimal(0))


def test_it_tells_amount_date_and_card(seller, customer, alice, at):
    card = add_card(customer, alice, at)
    invoice = calculated(customer, 4900)
    notice = Notice.objects.get(key=f"invoice:{invoice.pk}:announced")
    assert notice.to == [alice.email]
    told = written(notice.context)
    assert (told["total"], told["billing_on"], told["card"]) == ("$49.00", "20 Oct 2026", str(card))


def test_it_leaves_the_announcement_to_the_invoice_once_the_billing_date_has_come(seller, customer, at):
    draft_invoices(drafts=[draft(customer, 4900)], at=at)
    assert not Notice.objects.filter(template="invoice_announced").exists()


def test_it_gives_the_first_result_when_called_twice(seller, customer):
    wanted = draft(customer, 4900)
    [first] = draft_invoices(drafts=[wanted], at=CALCULATED_AT)
    [again] = draft_invoices(drafts=[draft(customer, 9999, key=wanted.key)], at=CALCULATED_AT + timedelta(hours=1))
    assert again == first
    assert (again.total, again.calculated_at) == (4900, CALCULATED_AT)
    assert InvoiceLine.objects.count() == 1
    assert AuditEntry.objects.filter(action="draft_invoices").count() == 1


def test_it_leaves_an_issued_invoice_as_it_is(seller, customer):
    issued = open_invoice(customer, 4900)
    [again] = draft_invoices(drafts=[draft(customer, 1, key=issued.key)], at=CALCULATED_AT)
    assert (again.pk, again.status, again.total) == (issued.pk, InvoiceStatus.OPEN, 4900)


def test_it_makes_no_invoice_without_lines(seller, customer):
    assert draft_invoices(drafts=[draft(customer)], at=CALCULATED_AT) == []


def test_it_records_who_and_what(seller, customer, staff):
    [invoice] = draft_invoices(drafts=[draft(customer, 4900)], at=CALCULATED_AT, actor=staff)
    entry = AuditEntry.objects.get(action="draft_invoices")
    assert (entry.actor, entry.customer, entry.subject) == (staff, customer, f"invoice:{invoice.pk}")
    assert entry.after == {"key": invoice.key, "total": 4900, "currency": "USD"}


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda customer: [draft(customer, 100, currency="XXQ")], CurrencyError),
        (lambda customer: [draft(customer, lines=(line(1, "same"), line(2, "same")))], LineBilledError),
    ],
)
def test_it_refuses_what_cannot_be_billed_and_writes_nothing(seller, customer, make, error):
    with pytest.raises(error):
        draft_invoices(drafts=make(customer), at=CALCULATED_AT)
    assert Invoice.objects.count() == 0


def test_it_refuses_another_currency_than_the_customers(seller, customer):
    customer.currency = "EUR"
    customer.save()
    with pytest.raises(CurrencyError, match="billed in EUR"):
        draft_invoices(drafts=[draft(customer, 100)], at=CALCULATED_AT)


def test_the_first_issued_invoice_settles_the_currency(seller, customer):
    open_invoice(customer, 100, currency="EUR")
    with pytest.raises(CurrencyError, match="billed in EUR"):
        draft_invoices(drafts=[draft(customer, 100)], at=CALCULATED_AT)
    assert draft_invoices(drafts=[draft(customer, 100, currency="EUR")], at=CALCULATED_AT)


def test_it_bills_a_line_only_once(seller, customer):
    open_invoice(customer, lines=(line(100, "fee:1"),))
    with pytest.raises(LineBilledError, match="fee:1"):
        draft_invoices(drafts=[draft(customer, lines=(line(100, "fee:1"),))], at=CALCULATED_AT)


def test_it_needs_a_seller(customer):
    Seller.objects.all().delete()
    with pytest.raises(SellerMissingError):
        draft_invoices(drafts=[draft(customer, 100)], at=CALCULATED_AT)


def test_it_asks_no_more_for_many_customers_than_for_one(seller, alice, at, django_assert_max_num_queries):
    customers = [open_customer(name=f"Customer {n}", user=alice, at=at, actor=None) for n in range(20)]
    drafts = [draft(customer, 4900, 235) for customer in customers]
    with django_assert_max_num_queries(19):  # two ask whether a kept credit note lowers it, and who wants no message
        invoices = draft_invoices(drafts=drafts, at=CALCULATED_AT)
    with django_assert_max_num_queries(17):
        finalize_invoices(invoice_ids=[invoice.pk for invoice in invoices], at=midnight(BILLING_ON))


# --- giving drafts up -----------------------------------------------------------------------------------------------
def test_a_discarded_draft_frees_its_key_and_its_lines(seller, customer, at):
    wanted = draft(customer, lines=(line(4900, "fee:1"),))
    [first] = draft_invoices(drafts=[wanted], at=CALCULATED_AT)
    assert discard_drafts(customer_ids=[customer.pk], at=at) == [(wanted.key, customer.pk)]
    first.refresh_from_db()
    assert (first.status, first.number, first.key) == (InvoiceStatus.VOID, None, f"{wanted.key}:discarded:{first.pk}")
    [second] = draft_invoices(drafts=[wanted], at=at)
    assert second.pk != first.pk
    assert InvoiceLine.objects.get(key="fee:1").invoice == second


def test_discarding_twice_is_discarding_once(seller, customer, at):
    calculated(customer, 4900)
    discard_drafts(customer_ids=[customer.pk], at=at)
    assert discard_drafts(customer_ids=[customer.pk], at=at) == []
    assert AuditEntry.objects.filter(action="discard_drafts").count() == 1


def test_discarding_leaves_issued_invoices_and_other_customers_alone(seller, customer, other_customer, at):
    issued = open_invoice(customer, 4900)
    others = calculated(other_customer, 100)
    assert discard_drafts(customer_ids=[customer.pk], at=at) == []
    issued.refresh_from_db()
    assert issued.status == InvoiceStatus.OPEN
    assert unsettled(other_customer.pk).drafts == [others]


def test_discarding_withdraws_the_announced_amount(seller, customer, alice):
    invoice = calculated(customer, 4900)
    discard_drafts(customer_ids=[customer.pk], at=CALCULATED_AT + timedelta(days=1))
    notice = Notice.objects.get(template="invoice_withdrawn")
    assert (written(notice.context)["total"], notice.to) == (f"${invoice.total // 100}.00", [alice.email])


def test_the_billing_date_of_a_draft_stays_what_plans_said(seller, customer):
    assert calculated(customer, 100, billing_on=date(2026, 11, 20)).billing_on == date(2026, 11, 20)
