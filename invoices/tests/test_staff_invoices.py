"""Staff's page of one document and of one payment, and the forms on it."""

import re
from datetime import timedelta
from functools import cache

import pytest
from django.conf import settings
from django.urls import reverse

from accounts.models import AuditEntry, BillingProfile, Notice
from accounts.tests.cards import DECLINES, LOSES_ANSWER, add_card
from core import clock
from core.periods import midnight
from core.tests.recorded import Recorded
from invoices.einvoice import einvoice
from invoices.models import Invoice, Payment
from invoices.services.collect_payment import collect_payment
from invoices.services.deliver_documents import deliver_documents
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.services.submit_payment import submit_payment
from invoices.services.void_invoice import void_invoice
from invoices.tests.cast import BILLING_ON, calculated, open_invoice, paid_with

pytestmark = pytest.mark.usefixtures("books_hold")

ACTIONS = ["issue", "void", "write_off", "paid_outside"]


@pytest.fixture(autouse=True)
def _on_the_day(at):
    with clock.travel_to(at):
        yield


def url_of(name, row):
    return reverse(f"admin:invoices_{name}", args=[row.pk])


def page_of(client, invoice):
    return client.get(url_of("invoice_change", invoice))


def hidden(response):
    """What the form carries."""
    return {name: re.search(rf'name="{name}" value="([^"]*)"', response.text)[1] for name in ("seen", "key")}


def filled(client, action, invoice, **values):
    """The form as it is shown, with what somebody fills in."""
    return {**hidden(client.get(url_of(f"invoice_{action}", invoice))), "reason": "Asked by phone", **values}


OUTSIDE = {"amount": "49.00", "received_on": "2026-10-19", "method": "bank_transfer", "reference": "A7"}


def a_long_story(customer, alice, at):
    """Declined, then paid by another card, then given back; with its PDFs."""
    add_card(customer, alice, at, DECLINES)
    invoice = open_invoice(customer, 4900, at=at)
    submit_payment(payment_id=collect_payment(invoice_id=invoice.pk, at=at, automatic=True).pk, at=at)
    card = add_card(customer, alice, at, make_default=True)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=False, payment_method=card)
    submit_payment(payment_id=payment.pk, at=at)
    issue_credit_note(invoice_id=invoice.pk, at=at, reason="Not wanted")
    reconcile_refunds(at=at)
    deliver_documents(at=at)
    return Invoice.objects.get(pk=invoice.pk)


_paid = cache(lambda at: Recorded(lambda customer, alice: a_long_story(customer, alice, at)))


@pytest.fixture
def paid(seller, customer, alice, at):
    return _paid(at).again(customer, alice)


# --- the pages --------------------------------------------------------------------------------------------------------
def test_it_shows_an_invoice_with_its_whole_story(as_clerk, paid, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        response = page_of(as_clerk, paid)
    text = response.text
    assert response.status_code == 200
    for said in (
        "Invoice INV-2026-000001", "Wonder Ltd", "Paid 20 Oct 2026", "The bank declined the card.", "Succeeded",
        "RCP-2026-000001", "CN-2026-000001", "Refunded", "INV-2026-000001.pdf", "Finalize invoices", "Issued",
    ):  # fmt: skip
        assert said in text, said
    assert f"/admin/billing/customers/{paid.customer.key}/explain/" in text
    assert "/settings/billing/explain/" not in text, "that is for members"
    assert url_of("invoice_void", paid) not in text


def test_it_shows_a_credit_note_and_where_it_went(as_clerk, paid, django_assert_max_num_queries):
    note = Invoice.objects.credit_notes().get()
    with django_assert_max_num_queries(15):
        text = page_of(as_clerk, note).text
    assert "Credit note CN-2026-000001" in text
    assert "Where it went" in text
    assert "Not wanted" in text
    assert "Download credit note CN-2026-000001.pdf" in text
    assert url_of("invoice_change", paid) in text
    assert url_of("invoice_paid_outside", note) not in text


def test_it_shows_a_draft_as_it_will_be(as_clerk, seller, customer):
    draft = calculated(customer, 4900)
    text = page_of(as_clerk, draft).text
    assert "Draft invoice" in text
    assert "Plus monthly fee" in text
    assert url_of("invoice_issue", draft) in text
    assert url_of("invoice_void", draft) not in text


def test_it_shows_a_payment_with_what_the_gateway_said(as_clerk, paid, django_assert_max_num_queries):
    declined, succeeded = Payment.objects.order_by("pk")
    with django_assert_max_num_queries(15):
        text = as_clerk.get(url_of("payment_change", succeeded)).text
    assert succeeded.gateway_id in text
    assert "Refunded" in text
    assert "RCP-2026-000001.pdf" in text
    assert "card_declined" in as_clerk.get(url_of("payment_change", declined)).text


def test_it_says_when_an_unknown_payment_is_asked_about(as_clerk, seller, customer, alice, at):
    add_card(customer, alice, at, LOSES_ANSWER)
    invoice = open_invoice(customer, 4900, at=at)
    payment = submit_payment(payment_id=collect_payment(invoice_id=invoice.pk, at=at, automatic=True).pk, at=at)
    text = page_of(as_clerk, invoice).text
    assert "A payment has no outcome yet." in text
    assert "The card processor has not answered." in text
    assert "20 Oct 2026, 10:01 UTC" in text
    assert url_of("invoice_paid_outside", invoice) not in text
    assert "The card processor has not answered." in as_clerk.get(url_of("payment_change", payment)).text


def test_it_serves_the_stored_pdf(as_clerk, auditor, trainee, log_in, paid):
    document = paid.documents.get(kind="invoice")
    response = as_clerk.get(url_of("invoice_document", document))
    assert response.content == bytes(document.content)
    assert response["Content-Type"] == "application/pdf"
    assert log_in(auditor).get(url_of("invoice_document", document)).status_code == 200
    assert log_in(trainee).get(url_of("invoice_document", document)).status_code == 403
    assert as_clerk.get(reverse("admin:invoices_invoice_document", args=[10**9])).status_code == 404


def test_it_serves_the_data_or_says_why_there_is_none(as_clerk, trainee, log_in, seller, customer):
    without = open_invoice(customer, 4900)
    assert (
        "Made without e-invoice (XML). The e-invoice needs the customer&#x27;s country."
        in page_of(as_clerk, without).text
    )
    assert as_clerk.get(url_of("invoice_xml", without)).status_code == 404
    assert as_clerk.get(url_of("invoice_xml", calculated(customer, 100))).status_code == 404
    BillingProfile.objects.filter(customer=customer).update(country="FR")
    invoice = open_invoice(customer, 4900)
    assert url_of("invoice_xml", invoice) in page_of(as_clerk, invoice).text
    response = as_clerk.get(url_of("invoice_xml", invoice))
    assert (response.content, response["Content-Type"]) == (einvoice(invoice), "application/xml")
    assert log_in(trainee).get(url_of("invoice_xml", invoice)).status_code == 403


@pytest.mark.parametrize(("country", "asked"), [("FR", True), ("DE", False)])
def test_it_warns_where_the_law_asks_to_transmit_what_is_only_mailed(as_clerk, seller, customer, country, asked):
    assert "Not transmitted" not in page_of(as_clerk, calculated(customer, 100)).text
    BillingProfile.objects.filter(customer=customer).update(country=country)
    text = page_of(as_clerk, open_invoice(customer, 4900)).text
    assert "<dd>Not transmitted</dd>" in text
    assert ("Both parties are in France, where the law asks" in text) is asked


@pytest.mark.parametrize("number", ["0", "x", "9" * 30])
def test_it_finds_nothing_where_there_is_nothing(as_clerk, number):
    for table in ("invoice", "payment"):
        assert as_clerk.get(reverse(f"admin:invoices_{table}_change", args=[number])).status_code == 404


def test_who_reads_gets_no_buttons(auditor, supporter, log_in, seller, customer):
    invoice = open_invoice(customer, 4900)
    for person, sends in ((auditor, False), (supporter, True)):
        text = page_of(log_in(person), invoice).text
        assert url_of("invoice_void", invoice) not in text
        assert (url_of("invoice_send_again", invoice) in text) == sends


@pytest.mark.parametrize("name", ["invoice_change", "invoice_send_again", *(f"invoice_{each}" for each in ACTIONS)])
def test_it_is_for_staff_with_a_role_that_reaches(
    client, alice, trainee, auditor, clerk, log_in, seller, customer, name
):
    url = url_of(name, open_invoice(customer, 4900))
    assert client.get(url).status_code == 302
    assert log_in(alice).get(url, follow=True).status_code == 403
    assert log_in(trainee).get(url).status_code == 403
    assert log_in(auditor).get(url).status_code == (200 if name == "invoice_change" else 403)
    assert log_in(auditor).post(url).status_code in (403, 405)
    assert log_in(clerk).get(url).status_code == 200


# --- the actions ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_asks_few_questions(as_clerk, seller, customer, action, django_assert_max_num_queries):
    invoice = calculated(customer) if action == "issue" else open_invoice(customer, 4900)
    with django_assert_max_num_queries(15):
        assert as_clerk.get(url_of(f"invoice_{action}", invoice)).status_code == 200


@pytest.mark.parametrize(
    ("action", "values", "status"),
    [("void", {}, "void"), ("write_off", {}, "uncollectible"), ("paid_outside", OUTSIDE, "paid")],
)
def test_it_does_it_once_with_a_reason(as_clerk, clerk, seller, customer, action, values, status):
    invoice = open_invoice(customer, 4900)
    form = filled(as_clerk, action, invoice, **values)
    for _ in range(2):
        response = as_clerk.post(url_of(f"invoice_{action}", invoice), form)
        assert (response.status_code, response["Location"]) == (303, url_of("invoice_change", invoice))
    invoice.refresh_from_db()
    assert invoice.status == status
    entry = AuditEntry.objects.get(reason="Asked by phone")
    assert entry.actor == clerk


def test_it_issues_a_draft_now_and_charges_it_on_its_day(as_clerk, seller, customer, alice, at):
    with clock.travel_to(at - timedelta(days=2)):
        add_card(customer, alice, at - timedelta(days=4))
        draft = calculated(customer)
        shown = as_clerk.get(url_of("invoice_issue", draft)).text
        assert "Visa ending 4242 is charged on" in shown
        form = filled(as_clerk, "issue", draft)
        for _ in range(2):
            assert as_clerk.post(url_of("invoice_issue", draft), form).status_code == 303
    draft.refresh_from_db()
    assert (draft.number, draft.collect_at) == ("INV-2026-000001", midnight(BILLING_ON))


@pytest.mark.parametrize("action", ["void", "write_off", "paid_outside"])
def test_it_refuses_what_has_moved_and_shows_the_new_figures(as_clerk, seller, customer, action):
    invoice = open_invoice(customer, 4900)
    form = filled(as_clerk, action, invoice, **OUTSIDE)
    open_invoice(customer, -900)
    response = as_clerk.post(url_of(f"invoice_{action}", invoice), form)
    assert response.status_code == 409
    assert "The figures have changed." in response.text
    assert "$40.00 due" in response.text
    invoice.refresh_from_db()
    assert (invoice.status, invoice.amount_due) == ("open", 4000)
    if action != "void":
        again = {**form, **hidden(response), "amount": "40.00"}
        assert as_clerk.post(url_of(f"invoice_{action}", invoice), again).status_code == 303


@pytest.mark.parametrize("action", ["void", "write_off", "paid_outside"])
def test_it_asks_why(as_clerk, seller, customer, action):
    invoice = open_invoice(customer, 4900)
    response = as_clerk.post(
        url_of(f"invoice_{action}", invoice), filled(as_clerk, action, invoice, **OUTSIDE, reason=" ")
    )
    assert response.status_code == 422
    assert "Reason – This field is required." in response.text


@pytest.mark.parametrize(
    ("values", "said", "status"),
    [
        ({"amount": "49.01"}, "no more than is due: $49.00", 422),
        ({"amount": "0"}, "Enter an amount above zero", 422),
        ({"amount": "1.001"}, "USD has 2 decimals", 422),
        ({"received_on": "2026-10-21"}, "Enter the day the money came", 422),
        ({"reference": ""}, "Reference – This field is required.", 422),
        ({"method": "barter"}, "Method – Select a valid choice.", 422),
    ],
)
def test_it_says_what_is_wrong_with_an_outside_payment(as_clerk, seller, customer, values, said, status):
    invoice = open_invoice(customer, 4900)
    form = filled(as_clerk, "paid_outside", invoice, **{**OUTSIDE, **values})
    response = as_clerk.post(url_of("invoice_paid_outside", invoice), form)
    assert response.status_code == status
    assert said in response.text
    assert not Payment.objects.exists()


def test_it_says_what_to_do_instead_of_voiding(as_clerk, seller, customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900, at=at)
    paid_with(collect_payment(invoice_id=invoice.pk, at=at, automatic=True).pk, at)
    text = as_clerk.get(url_of("invoice_void", invoice)).text
    assert "A paid invoice can&#x27;t be voided. Issue a credit note instead." in text
    assert 'name="reason"' not in text
    german = as_clerk.get(url_of("invoice_void", invoice), headers={"Accept-Language": "de"}).text
    assert [url_of("invoice_credit", invoice) in page for page in (text, german)] == [True, True]


def test_a_credit_note_is_offered_only_where_it_helps(as_clerk, seller, customer, at):
    invoice = open_invoice(customer, 4900)
    void_invoice(invoice_id=invoice.pk, at=at, reason="Test")
    text = as_clerk.get(url_of("invoice_void", invoice)).text
    assert "This invoice is void already." in text
    assert url_of("invoice_credit", invoice) not in text


def test_a_void_invoice_offers_nothing_more(as_clerk, seller, customer, at):
    invoice = open_invoice(customer, 4900)
    void_invoice(invoice_id=invoice.pk, at=at, reason="Test")
    text = page_of(as_clerk, invoice).text
    assert not [action for action in ACTIONS if url_of(f"invoice_{action}", invoice) in text]


def test_support_sends_it_again(supporter, log_in, seller, customer):
    invoice = open_invoice(customer, 4900)
    client = log_in(supporter)
    page = client.get(url_of("invoice_send_again", invoice)).text
    assert "It goes to alice@example.com." in page
    response = client.post(url_of("invoice_send_again", invoice), {"what": "document", "also": "a@b.example"})
    assert response.status_code == 303
    assert Notice.objects.get(key__contains=":again:").to == ["alice@example.com", "a@b.example"]
    assert client.post(url_of("invoice_send_again", invoice), {"what": "7"}).status_code == 422
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    assert f"Rechnung {invoice.number}</label>" in client.get(url_of("invoice_send_again", invoice)).text
