"""«Credit note», «Refund» and «Pay out» of the staff site: who may, what is shown, and that it is done once."""

from datetime import timedelta
from functools import cache

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEntry
from accounts.tests.cards import add_card
from core.clock import travel_to
from core.periods import midnight
from core.tests.recorded import Recorded
from invoices.giving_back import Wanted
from invoices.models import Invoice, Refund
from invoices.services.issue_credit_note import issue_credit_note
from invoices.tests.cast import BILLING_ON, calculated, open_invoice
from invoices.tests.credited import granted, put_in
from invoices.tests.test_credit_notes import paid_invoice

pytestmark = pytest.mark.usefixtures("seller", "books_hold")

LATER = midnight(BILLING_ON) + timedelta(days=5)


@pytest.fixture(autouse=True)
def _today():
    with travel_to(LATER):
        yield


def paid_in_france(customer, alice, at):
    put_in(customer, "FR")
    add_card(customer, alice, at)
    return paid_invoice(customer, 1000)


_invoice = cache(lambda at: Recorded(lambda customer, alice: paid_in_france(customer, alice, at)))


@pytest.fixture
def invoice(seller, customer, alice, at):
    return _invoice(at).again(customer, alice)


def kept(invoice, amount=500, key="kept"):
    wanted = Wanted(amount=amount, goes_to="kept")
    return issue_credit_note(invoice_id=invoice.pk, at=LATER, reason="Outage", wanted=wanted, key=key)


def credit_url(invoice):
    return reverse("admin:invoices_invoice_credit", args=[invoice.pk])


def refund_url(invoice):
    return reverse("admin:invoices_payment_refund", args=[invoice.payments.get().pk])


def pay_out_url(note):
    return reverse("admin:invoices_invoice_pay_out", args=[note.pk])


def filled(response, **values):
    """What a browser would send of the page's form, with these answers."""
    form = response.context["form"]
    shown = {name: form[name].value() or "" for name in form.fields}
    return shown | {"seen": response.context.get("seen", "")} | values


def text(response):
    return response.content.decode()


# --- who may --------------------------------------------------------------------------------------------------------
def test_only_staff_who_manage_give_money_back(
    invoice, client, alice, charlie, clerk, supporter, cataloger, auditor, trainee, log_in
):
    for url in (credit_url(invoice), refund_url(invoice), pay_out_url(kept(invoice))):
        for method in ("get", "post"):
            for visitor in (client, log_in(alice), log_in(charlie)):
                assert "/admin/login/" in getattr(visitor, method)(url)["Location"]
            for person in (supporter, cataloger, auditor, trainee):
                assert getattr(log_in(person), method)(url).status_code == 403
        assert log_in(clerk).get(url).status_code == 200
    assert Invoice.objects.credit_notes().count() == 1


@pytest.mark.parametrize("name", ["invoices_invoice_credit", "invoices_payment_refund", "invoices_invoice_pay_out"])
def test_what_is_not_there_is_not_found(as_clerk, name):
    assert as_clerk.get(reverse(f"admin:{name}", args=[4711])).status_code == 404


def test_drafts_are_not_credited_and_invoices_not_paid_out(as_clerk, invoice, customer):
    assert as_clerk.get(credit_url(calculated(customer, 100))).status_code == 409
    assert as_clerk.get(pay_out_url(invoice)).status_code == 409


# --- credit notes ---------------------------------------------------------------------------------------------------
def test_a_note_is_seen_before_it_is_issued(as_clerk, clerk, invoice):
    form = as_clerk.get(credit_url(invoice))
    answers = {"what": "amount", "amount": "6.00", "reason": "Outage", "memo": "For the outage of 21 October"}
    preview = as_clerk.post(credit_url(invoice), filled(form, **answers, _preview="1"))
    assert preview.status_code == 200
    for words in ("Credit note total", "$6.00", "VAT 20 % of $5.00", "Back to Visa ending 4242", "Issue credit note"):
        assert words in text(preview)
    assert not Invoice.objects.credit_notes().exists()
    saved = as_clerk.post(credit_url(invoice), filled(preview, _save="1"))
    note = Invoice.objects.credit_notes().get()
    assert saved["Location"] == reverse("admin:invoices_invoice_change", args=[note.pk])
    assert (note.total, Refund.objects.get().amount) == (-600, 600)
    entry = AuditEntry.objects.get(action="issue_credit_note")
    assert (entry.actor, entry.reason, note.memo) == (clerk, "Outage", "For the outage of 21 October")


def test_its_preview_is_in_german_for_those_who_read_it(as_clerk, invoice, customer, at):
    as_clerk.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    open_one = open_invoice(customer, 300, at=at)
    form = as_clerk.get(credit_url(invoice))
    preview = text(as_clerk.post(credit_url(invoice), filled(form, reason="Ausfall", _preview="1")))
    receipt = invoice.payments.get().receipt_number
    for words in (
        "Netto",
        f"Senkt den fälligen Betrag von {open_one.number}",
        f"Zurück auf Visa mit Endziffern 4242, Zahlung {receipt}",
    ):
        assert words in preview, words
    assert f"<h1>Erstattung von {receipt}</h1>" in text(as_clerk.get(refund_url(invoice)))


def test_a_form_sent_twice_issues_one_note(as_clerk, invoice):
    form = as_clerk.get(credit_url(invoice))
    preview = as_clerk.post(credit_url(invoice), filled(form, reason="Outage", _preview="1"))
    first, second = (as_clerk.post(credit_url(invoice), filled(preview, _save="1")) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Invoice.objects.credit_notes().count() == 1


def test_what_nobody_saw_is_not_issued(as_clerk, invoice):
    form = as_clerk.get(credit_url(invoice))
    response = as_clerk.post(credit_url(invoice), filled(form, reason="Outage", _save="1"))
    assert response.status_code == 409
    assert "Check the preview." in text(response)
    assert not Invoice.objects.credit_notes().exists()


def test_figures_that_moved_are_shown_again(as_clerk, invoice, customer):
    form = as_clerk.get(credit_url(invoice))
    preview = as_clerk.post(credit_url(invoice), filled(form, reason="Outage", _preview="1"))
    open_invoice(customer, 100)
    moved = as_clerk.post(credit_url(invoice), filled(preview, _save="1"))
    assert moved.status_code == 409
    assert "The figures have changed." in text(moved)
    assert "Lowers what is due on INV-2026-000002" in text(moved)
    assert not Invoice.objects.credit_notes().exists()
    assert as_clerk.post(credit_url(invoice), filled(moved, _save="1")).status_code == 302


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ({"reason": ""}, "This field is required."),
        ({"what": "amount"}, "Say how much is given back."),
        ({"what": "amount", "amount": "12.01"}, "That is more than is left"),
        ({"what": "amount", "amount": "1.001"}, "no more than 2 decimal places"),
        ({"what": "lines"}, "Say for one line at least"),
        ({"what": "lines", "line_1": "10.01"}, "At most $10.00 is left of this line."),
        ({"what": "lines", "line_1": "-1"}, "greater than or equal to"),
        ({"goes_to": "payment"}, "Select a valid choice"),
    ],
)
def test_bad_answers_are_named(as_clerk, invoice, answers, complaint):
    form = as_clerk.get(credit_url(invoice))
    response = as_clerk.post(credit_url(invoice), filled(form, reason="Outage", _preview="1") | answers)
    assert response.status_code == 422
    assert complaint in text(response)
    assert "There is a problem" in text(response)


def test_chosen_lines_and_keeping_reach_the_note(as_clerk, invoice):
    form = as_clerk.get(credit_url(invoice))
    answers = {"what": "lines", "line_1": "2.50", "goes_to": "kept", "reason": "Outage"}
    preview = as_clerk.post(credit_url(invoice), filled(form, **answers, _preview="1"))
    assert "Kept for the next invoice" in text(preview)
    as_clerk.post(credit_url(invoice), filled(preview, _save="1"))
    note = Invoice.objects.credit_notes().get()
    assert (note.total, note.goes_to, note.amount_due) == (-300, "kept", 300)


def test_an_invoice_that_is_used_up_says_so(as_clerk, invoice):
    issue_credit_note(invoice_id=invoice.pk, at=LATER, reason="Outage")
    assert "Nothing is left to give back" in text(as_clerk.get(credit_url(invoice)))


# --- refunds --------------------------------------------------------------------------------------------------------
def test_a_payment_is_refunded_in_part(as_clerk, invoice, customer):
    open_invoice(customer, 500)
    form = as_clerk.get(refund_url(invoice))
    preview = as_clerk.post(refund_url(invoice), filled(form, amount="5.00", reason="Outage", _preview="1"))
    assert "Back to Visa ending 4242, payment RCP-2026-000001" in text(preview)
    assert "Lowers what is due" not in text(preview)
    sent = filled(preview, _save="1")
    first, second = (as_clerk.post(refund_url(invoice), sent) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Refund.objects.get().amount == 500


@pytest.mark.parametrize("amount", ["0", "12.01", ""])
def test_no_more_is_refunded_than_was_paid(as_clerk, invoice, amount):
    form = as_clerk.get(refund_url(invoice))
    response = as_clerk.post(refund_url(invoice), filled(form, amount=amount, reason="x", _preview="1"))
    assert response.status_code == 422
    assert not Refund.objects.exists()


def test_a_refund_page_leads_to_what_is_kept(as_clerk, invoice):
    note = kept(invoice, 1200)
    page = text(as_clerk.get(refund_url(invoice)))
    assert "Nothing is left on the invoice" in page
    assert pay_out_url(note) in page


# --- paying out -----------------------------------------------------------------------------------------------------
def test_what_is_kept_is_paid_out_to_the_card(as_clerk, invoice):
    note = kept(invoice)
    sent = filled(as_clerk.get(pay_out_url(note)), reason="They asked")
    assert [as_clerk.post(pay_out_url(note), sent).status_code for _ in range(2)] == [302, 302]
    assert (Refund.objects.get().payment, Refund.objects.get().amount) == (invoice.payments.get(), 500)


def test_what_was_transferred_is_recorded(as_clerk, clerk, invoice):
    note = kept(invoice)
    answers = {"to": "outside", "reference": "SEPA 4711", "method": "bank_transfer", "reason": "They asked"}
    response = as_clerk.post(pay_out_url(note), filled(as_clerk.get(pay_out_url(note)), **answers), follow=True)
    assert "$5.00 of CN-2026-000001 is recorded as paid out." in text(response)
    note.refresh_from_db()
    assert (note.status, AuditEntry.objects.get(action="pay_out_credit_note").actor) == ("paid", clerk)
    assert 'Bank transfer <span class="note">reference SEPA 4711, on ' in response.text
    assert "/payment/None/" not in response.text
    assert "Pay out credit note" in response.text
    refund = note.refunds.get()
    page = as_clerk.get(reverse("admin:attention_refund", args=[refund.public_id])).text
    assert "Staff recorded that it was transferred." in page
    assert "Bank transfer, reference SEPA 4711, " in page


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ({"to": "outside"}, "Give the reference."),
        ({"to": "outside", "paid_on": ""}, "Say on which day."),
        ({"to": "outside", "paid_on": "2027-01-01"}, "Only what was transferred already"),
        ({"amount": "5.01"}, "That is more than is left."),
        ({"reason": ""}, "This field is required."),
        ({"to": "4711"}, "Select a valid choice"),
    ],
)
def test_a_pay_out_that_lacks_something_is_refused(as_clerk, invoice, answers, complaint):
    note = kept(invoice)
    response = as_clerk.post(pay_out_url(note), filled(as_clerk.get(pay_out_url(note)), reason="x") | answers)
    assert response.status_code == 422
    assert complaint in text(response)
    assert not Refund.objects.exists()


# --- queries --------------------------------------------------------------------------------------------------------
def asked(client, url, **answers):
    with CaptureQueriesContext(connection) as queries:
        response = client.post(url, answers) if answers else client.get(url)
    assert response.status_code == 200
    return len(queries)


@pytest.mark.parametrize("lines", [1, 12])
def test_pages_ask_for_the_same_however_much_there_is(as_clerk, customer, invoice, lines):
    big = open_invoice(customer, *[100] * lines)
    for number in range(lines // 4 + 1):
        kept(big, 24, key=f"k{number}")
    note = kept(invoice, 100)
    answers = filled(as_clerk.get(credit_url(big)), reason="Outage", _preview="1")
    assert asked(as_clerk, credit_url(big)) == 8
    assert asked(as_clerk, credit_url(big), **answers) == 14
    assert asked(as_clerk, refund_url(invoice)) == 10
    assert asked(as_clerk, pay_out_url(note)) == 9
    granted(customer, 500)
    assert asked(as_clerk, credit_url(big), **answers) == 15  # the ledger is asked what would come back
