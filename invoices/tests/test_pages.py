from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import PaymentPolicy
from accounts.services.open_customer import open_customer
from accounts.tests.cards import CONFIRMS, DECLINES, LOSES_ANSWER, add_card
from core.clock import travel_to
from core.periods import billing_period
from invoices.models import Payment
from invoices.pdf import available
from invoices.services.collect_payment import collect_payment
from invoices.services.deliver_documents import deliver_documents
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import BILLING_ON, calculated, charges, open_invoice

HTMX = {"HX-Request": "true"}
needs_pdf = pytest.mark.skipif(bool(available()), reason=available() or "-")


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


@pytest.fixture
def card(customer, alice, at):
    return add_card(customer, alice, at)


@pytest.fixture
def invoice(seller, customer, card, at):
    return open_invoice(customer, 4900, at=at)


def url(name, invoice, *more):
    return reverse(name, args=[invoice.public_id, *more])


def text(response):
    return " ".join(response.content.decode().split())


def paid(invoice, at, *, automatic=False):
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=automatic)
    return submit_payment(payment_id=payment.pk, at=at)


def press_pay(client, invoice, **values):
    with_callbacks = {"attempt": "1", "amount": "4900"} | values
    return client.post(url("invoice_pay", invoice), with_callbacks)


# --- who sees what --------------------------------------------------------------------------------------------------
def each_page(invoice, payment):
    return [
        ("get", url("invoice", invoice)),
        ("get", url("invoice_pdf", invoice)),
        ("get", url("invoice_xml", invoice)),
        ("get", url("receipt_pdf", invoice, payment.public_id)),
        ("get", url("payment_status", invoice, payment.public_id)),
        ("post", url("invoice_pay", invoice)),
        ("post", url("invoice_copy", invoice)),
    ]


@pytest.mark.parametrize("htmx", [{}, HTMX])
def test_a_stranger_finds_nothing(invoice, charlie, other_customer, log_in, at, htmx):
    client = log_in(charlie)
    for method, page in each_page(invoice, paid(invoice, at)):
        assert getattr(client, method)(page, headers=htmx).status_code == 404
    assert invoice.number not in text(client.get(reverse("portal")))


def test_nobody_is_let_in_without_logging_in(invoice, client, at):
    for method, page in [*each_page(invoice, paid(invoice, at)), ("get", reverse("portal"))]:
        response = getattr(client, method)(page)
        assert (response.status_code, "/accounts/login/" in response["Location"]) == (302, True)


def test_a_member_is_told_who_can(invoice, dora, log_in, at):
    client = log_in(dora)
    for method, page in [*each_page(invoice, paid(invoice, at)), ("get", reverse("portal"))]:
        response = getattr(client, method)(page)
        assert response.status_code == 403
        assert "alice@example.com" in text(response)


def test_a_viewer_reads_but_does_not_pay(invoice, bob, log_in):
    client = log_in(bob)
    page = text(client.get(url("invoice", invoice)))
    assert "Download invoice" in page
    assert "invoice_pay" not in page
    assert url("invoice_pay", invoice) not in page
    assert press_pay(client, invoice).status_code == 403
    assert Payment.objects.count() == 0


def test_another_customers_invoice_is_found_by_none_of_its_documents(invoice, other_customer, charlie, log_in, at):
    """A payment's receipt is asked for under an invoice it does not belong to."""
    payment = paid(invoice, at)
    theirs = open_invoice(other_customer, 100, at=at)
    assert log_in(charlie).get(url("receipt_pdf", theirs, payment.public_id)).status_code == 404


def test_pages_of_an_invoice_belong_to_its_customer_not_to_the_chosen_one(invoice, alice, at, log_in):
    open_customer(name="Second Ltd", user=alice, at=at, actor=alice)
    client = log_in(alice)
    session = client.session
    session["current_customer"] = alice.memberships.last().customer_id
    session.save()
    assert "Wonder Ltd" in text(client.get(url("invoice", invoice)))


# --- the portal -----------------------------------------------------------------------------------------------------
def test_the_portal_of_a_new_customer_is_empty(seller, customer, alice, log_in):
    page = text(log_in(alice).get(reverse("portal")))
    for words in ("Payment Methods", "Add a payment method", "Nothing to pay.", "Billing History", "No invoices yet."):
        assert words in page


def test_the_portal_shows_what_to_pay_and_what_was_billed(invoice, alice, log_in):
    page = text(log_in(alice).get(reverse("portal")))
    assert page.count("INV-2026-000001") >= 2
    assert "View invoice INV-2026-000001 for 20 Sep – 19 Oct 2026 (opens in new tab)" in page
    assert 'target="_blank" rel="noopener"' in page
    assert "$49.00" in page


def test_a_paid_invoice_is_history_only(invoice, alice, log_in, at):
    paid(invoice, at)
    page = text(log_in(alice).get(reverse("portal")))
    assert "Nothing to pay." in page
    assert "Paid 20 Oct 2026" in page
    assert "RCP-2026-000001" in page


def test_history_comes_in_pages_of_24(seller, customer, alice, log_in, at):
    for number in range(26):
        period = billing_period(BILLING_ON, -number - 1)
        open_invoice(customer, 0, at=at, period=period, billing_on=period.end)
    client = log_in(alice)
    first, second = (client.get(reverse("portal"), {"page": number}) for number in (1, 2))
    assert [len(page.context["history"]) for page in (first, second)] == [24, 2]
    assert "?page=2" in text(first)
    assert "?page=1" in text(second)
    assert client.get(reverse("portal"), {"page": "nonsense"}).status_code == 200


def test_the_portal_asks_a_fixed_number_of_questions(invoice, customer, alice, log_in, at):
    client = log_in(alice)
    client.get(reverse("portal"))
    with CaptureQueriesContext(connection) as few:
        client.get(reverse("portal"))
    for _ in range(5):
        paid(open_invoice(customer, 100, at=at), at)
        open_invoice(customer, 100, at=at)
    with CaptureQueriesContext(connection) as many:
        client.get(reverse("portal"))
    assert len(many) <= 15
    assert len(many) - len(few) <= 1  # the receipts' prefetch asks only where there are payments


def test_enterprise_reads_but_pays_by_contract(invoice, customer, alice, log_in):
    customer.payment_policy = PaymentPolicy.MANAGED_BY_CONTRACT
    customer.save()
    client = log_in(alice)
    assert "Self-service payment management is not available for Enterprise accounts." in text(
        client.get(reverse("portal"))
    )
    assert url("invoice_pay", invoice) not in text(client.get(url("invoice", invoice)))
    assert press_pay(client, invoice).status_code == 403
    assert Payment.objects.count() == 0


# --- one invoice ----------------------------------------------------------------------------------------------------
def test_an_open_invoice_offers_pay_and_download(invoice, alice, log_in, card):
    page = text(log_in(alice).get(url("invoice", invoice)))
    for words in ("Open", "Invoice INV-2026-000001", "Pay with " + str(card), "Download invoice", "Subtotal"):
        assert words in page
    assert "The receipt is available after payment." in page
    assert "Download receipt" not in page


def test_the_page_of_an_invoice_asks_at_most_15_questions(invoice, alice, log_in, at, django_assert_max_num_queries):
    paid(invoice, at)
    client = log_in(alice)
    client.get(url("invoice", invoice))
    with django_assert_max_num_queries(15):
        client.get(url("invoice", invoice))


def test_a_draft_is_shown_without_downloads(seller, customer, alice, log_in, card):
    invoice = calculated(customer, 4900, billing_on=BILLING_ON + timedelta(days=31))
    client = log_in(alice)
    page = text(client.get(url("invoice", invoice)))
    assert "Being prepared" in page
    assert "Download invoice" not in page
    assert url("invoice_pay", invoice) not in page
    assert client.get(url("invoice_pdf", invoice)).status_code == 404


def test_without_a_card_it_leads_to_one_and_back(seller, customer, alice, log_in, at):
    invoice = open_invoice(customer, 4900, at=at)
    page = text(log_in(alice).get(url("invoice", invoice)))
    assert f"{reverse('pm_add')}?next={url('invoice', invoice)}" in page
    assert url("invoice_pay", invoice) not in page


def test_a_past_due_invoice_says_so(seller, customer, alice, log_in, at):
    invoice = open_invoice(customer, 4900, at=at)
    with travel_to(at + timedelta(days=15)):
        assert "Past due" in text(log_in(alice).get(url("invoice", invoice)))


def test_a_total_of_nothing_has_nothing_to_pay(seller, customer, alice, log_in, at):
    page = text(log_in(alice).get(url("invoice", open_invoice(customer, 0, at=at))))
    assert "Nothing to pay." in page
    assert "Paid 20 Oct 2026" in page


# --- paying ---------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_pay_leads_through_the_status_page_to_the_paid_invoice(invoice, alice, log_in):
    client = log_in(alice)
    response = press_pay(client, invoice)
    payment = Payment.objects.get()
    assert (response.status_code, response["Location"]) == (303, url("payment_status", invoice, payment.public_id))
    response = client.get(response["Location"])
    assert (response.status_code, response["Location"]) == (303, url("invoice", invoice))
    page = text(client.get(url("invoice", invoice)))
    assert "$49.00 paid with Visa ending 4242. Receipt RCP-2026-000001 goes to alice@example.com." in page
    assert "Download receipt" in page
    assert charges() == [(payment.key, "succeeded")]


@pytest.mark.django_db(transaction=True)
def test_pressing_pay_again_after_it_was_paid_charges_nothing(invoice, alice, log_in):
    client = log_in(alice)
    first = press_pay(client, invoice)
    assert press_pay(client, invoice)["Location"] == first["Location"]
    other_tab = press_pay(client, invoice, attempt="2")
    assert (other_tab.status_code, other_tab["Location"]) == (303, url("invoice", invoice))
    assert len(charges()) == 1


@pytest.mark.parametrize("attempt", ["", "x", "-1", "0", "99999999999999999999", "٣"])
def test_a_nonsensical_attempt_is_as_good_as_none(invoice, alice, log_in, attempt):
    assert press_pay(log_in(alice), invoice, attempt=attempt).status_code == 303
    assert Payment.objects.get().key == f"invoice:{invoice.pk}:payment:1"


def test_nobody_elses_card_can_be_named(invoice, other_customer, charlie, alice, log_in, at):
    theirs = add_card(other_customer, charlie, at)
    assert press_pay(log_in(alice), invoice, payment_method=theirs.key).status_code == 404
    assert Payment.objects.count() == 0


def test_a_waiting_payment_is_asked_about_ever_more_rarely(invoice, alice, log_in, at):
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=False)
    client, page = log_in(alice), url("payment_status", invoice, payment.public_id)
    whole = text(client.get(page))
    assert "Processing $49.00" in whole
    assert '<noscript><meta http-equiv="refresh"' in whole
    delays = []
    for looks in range(7):
        fragment = text(client.get(page, {"looks": looks}, headers=HTMX))
        assert "<html" not in fragment
        delays.append(fragment.partition('hx-trigger="load delay:')[2].partition("s")[0])
    assert delays == ["1", "2", "4", "8", "8", "", ""]


def test_the_polling_page_ends_at_the_invoice(invoice, alice, log_in, at):
    payment = paid(invoice, at)
    page = url("payment_status", invoice, payment.public_id)
    assert log_in(alice).get(page, headers=HTMX)["HX-Redirect"] == url("invoice", invoice)


def test_a_declined_payment_says_why_and_offers_another_card(seller, customer, alice, log_in, at):
    add_card(customer, alice, at, DECLINES)
    invoice = open_invoice(customer, 4900, at=at)
    payment = paid(invoice, at, automatic=True)
    other = add_card(customer, alice, at + timedelta(minutes=1))
    client = log_in(alice)
    client.get(url("payment_status", invoice, payment.public_id))
    page = text(client.get(url("invoice", invoice)))
    for words in ("Past due", "Payment failed", "The bank declined the card.", "Add a payment method"):
        assert words in page
    assert f'value="{other.key}" checked' in page


def test_a_card_that_was_not_tried_yet_is_offered_for_what_is_past_due(seller, customer, alice, bob, log_in, at):
    add_card(customer, alice, at, DECLINES)
    invoice = open_invoice(customer, 4900, at=at)
    paid(invoice, at, automatic=True)
    offer = f"{invoice.number} is past due. Pay $49.00 now with Visa ending 4242?"
    assert "is past due. Pay" not in text(log_in(alice).get(reverse("portal")))  # the card that was declined
    add_card(customer, alice, at + timedelta(minutes=1), make_default=True)
    assert offer in text(log_in(alice).get(reverse("portal")))
    assert offer not in text(log_in(bob).get(reverse("portal")))  # may only read
    assert Payment.objects.count() == 1  # nothing is charged by adding a card


def test_an_unknown_outcome_is_visible_and_cannot_be_paid_again(seller, customer, alice, log_in, at):
    add_card(customer, alice, at, LOSES_ANSWER)
    invoice = open_invoice(customer, 4900, at=at)
    payment = paid(invoice, at)
    client = log_in(alice)
    page = text(client.get(url("invoice", invoice)))
    assert "Processing" in page
    assert "We don’t know yet whether $49.00 was paid" in page
    assert "20 Oct 2026, 10:01 UTC" in page
    assert url("invoice_pay", invoice) not in page
    assert press_pay(client, invoice)["Location"] == url("payment_status", invoice, payment.public_id)
    assert Payment.objects.count() == 1


def test_a_bank_that_asks_for_confirmation_is_said(seller, customer, alice, log_in, at):
    add_card(customer, alice, at, CONFIRMS)
    invoice = open_invoice(customer, 4900, at=at)
    paid(invoice, at)
    page = text(log_in(alice).get(url("invoice", invoice)))
    assert "Action needed" in page
    assert "Your bank needs you to confirm $49.00" in page
    asking = text(log_in(alice).get(url("payment_status", invoice, Payment.objects.get().public_id)))
    assert "<h1>Confirm with your bank</h1>" in asking
    assert "Nothing is charged until you confirm it." in asking
    for words in ("Processing payment", "This can take a few minutes"):
        assert words not in asking


# --- downloads ------------------------------------------------------------------------------------------------------
@needs_pdf
def test_invoice_and_receipt_are_saved_under_their_numbers(invoice, bob, log_in, at):
    payment = paid(invoice, at)
    deliver_documents(at=at)
    client = log_in(bob)
    for page, name in [
        (url("invoice_pdf", invoice), "INV-2026-000001.pdf"),
        (url("receipt_pdf", invoice, payment.public_id), "RCP-2026-000001.pdf"),
    ]:
        response = client.get(page)
        assert response["Content-Disposition"] == f'attachment; filename="{name}"'
        assert response["Content-Type"] == "application/pdf"
        assert response.content.startswith(b"%PDF-")


def test_a_pdf_that_is_not_rendered_yet_is_being_prepared(invoice, alice, log_in, monkeypatch):
    nudged: list[str] = []
    monkeypatch.setattr("invoices.views_documents.nudge", nudged.append)
    monkeypatch.setattr("invoices.views_documents.available", lambda: "")
    response = log_in(alice).get(url("invoice_pdf", invoice))
    assert (response.status_code, response["Retry-After"]) == (503, "4")
    assert "being prepared" in text(response)
    assert nudged == ["billing_portal.tasks.deliver_documents"]


def test_without_the_libraries_the_page_says_what_to_install(invoice, alice, log_in, monkeypatch):
    monkeypatch.setattr("invoices.views_documents.available", lambda: "install Pango")
    response = log_in(alice).get(url("invoice_pdf", invoice))
    assert response.status_code == 503
    assert "PDF unavailable: install Pango." in text(response)


def test_there_is_no_receipt_before_payment(invoice, alice, log_in, at):
    pending = collect_payment(invoice_id=invoice.pk, at=at, automatic=False)
    response = log_in(alice).get(url("receipt_pdf", invoice, pending.public_id))
    assert response.status_code == 404
    assert "available after payment" in text(response)
