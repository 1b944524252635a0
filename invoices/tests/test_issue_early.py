"""«Issue now»: a draft gets its number before its billing date, and is charged on it all the same."""

from datetime import date, timedelta

import pytest

from accounts.figures import written
from accounts.models import AuditEntry, Notice
from accounts.services.update_billing_profile import update_billing_profile
from accounts.tests.cards import add_card
from core.periods import midnight
from invoices.due import due_to_collect, due_to_finalize
from invoices.exceptions import InvoiceMovedError, NotADraftError, NotVoidableError
from invoices.models import Invoice
from invoices.services.discard_drafts import discard_drafts
from invoices.services.issue_early import issue_early
from invoices.services.void_invoice import void_invoice
from invoices.tests.cast import BILLING_ON, calculated
from invoices.tests.test_races import at_once

pytestmark = pytest.mark.usefixtures("books_hold")

EARLY = midnight(BILLING_ON) - timedelta(days=2)


def issue(draft, total=4900, actor=None, at=EARLY):
    return issue_early(invoice_id=draft.pk, total=total, at=at, actor=actor, reason="Needed for their books")


def test_it_gives_the_number_today_and_charges_the_card_on_the_announced_day(seller, customer, alice, clerk, at):
    add_card(customer, alice, EARLY - timedelta(days=1))
    invoice = issue(calculated(customer), actor=clerk)

    assert (invoice.number, invoice.issued_on) == ("INV-2026-000001", EARLY.date())
    assert (invoice.collect_at, invoice.due_on) == (midnight(BILLING_ON), BILLING_ON)
    assert due_to_collect(midnight(BILLING_ON) - timedelta(seconds=1)) == []
    assert [row.id for row in due_to_collect(midnight(BILLING_ON))] == [invoice.pk]
    assert due_to_finalize(midnight(BILLING_ON)) == []
    assert written(Notice.objects.get(template="invoice_issued").context)["charged_at"] == "20 Oct 2026, 00:00 UTC"
    entry = AuditEntry.objects.get(action="issue_early")
    assert (entry.actor, entry.reason) == (clerk, "Needed for their books")


def test_without_a_card_it_is_due_as_if_it_had_been_issued_on_its_day(seller, customer):
    invoice = issue(calculated(customer))
    assert (invoice.collect_at, invoice.due_on) == (None, date(2026, 11, 3))


def test_it_issues_once(seller, customer):
    draft = calculated(customer)
    assert issue(draft).number == issue(draft).number == "INV-2026-000001"
    assert AuditEntry.objects.filter(action="issue_early").count() == 1


def test_it_refuses_another_total_than_was_seen(seller, customer, alice):
    draft = calculated(customer)
    update_billing_profile(customer_id=customer.pk, values={"country": "FR"}, at=EARLY, actor=alice)
    with pytest.raises(InvoiceMovedError):
        issue(draft)
    draft.refresh_from_db()
    assert (draft.status, draft.number) == ("draft", None)
    assert issue(draft, total=5880).total == 5880


def test_it_refuses_a_draft_that_was_discarded(seller, customer):
    draft = calculated(customer)
    discard_drafts(customer_ids=[customer.pk], at=EARLY)
    with pytest.raises(NotADraftError):
        issue(draft)


def test_it_is_not_voided_before_its_billing_date(seller, customer):
    invoice = issue(calculated(customer))
    with pytest.raises(NotVoidableError) as refused:
        void_invoice(invoice_id=invoice.pk, at=EARLY, reason="Wrong")
    assert "Void it on 20 Oct 2026." in refused.value.message
    assert void_invoice(invoice_id=invoice.pk, at=midnight(BILLING_ON), reason="Wrong").status == "void"


@pytest.mark.django_db(transaction=True)
def test_two_people_issue_it_once(seller, customer):
    draft = calculated(customer)
    results = at_once(lambda: issue(draft), lambda: issue(draft))
    assert [result.number for result in results] == ["INV-2026-000001"] * 2
    assert Invoice.objects.count() == 1
