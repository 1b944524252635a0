"""Documents, messages and pages of this room for people who read German."""

from datetime import timedelta
from functools import partial

import pytest
from django.urls import reverse

from accounts.mail import write_notice
from accounts.models import AuditEntry, BillingProfile, Notice
from accounts.tests.cards import DECLINES, add_card
from core.language import override
from core.periods import midnight
from invoices.einvoice import einvoice
from invoices.services.collect_payment import collect_payment
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.submit_payment import submit_payment
from invoices.tests import translated
from invoices.tests.cast import line, open_invoice, usage_line
from invoices.tests.credited import granted
from invoices.tests.test_statements import october, stated, used
from invoices.tests.translated import german_company

pytestmark = pytest.mark.usefixtures("seller")
rendered = partial(translated.rendered, language="de")


@pytest.fixture
def profile(customer):
    return german_company(customer, reads="de")


@pytest.fixture
def german(profile, client):
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    return client


# --- documents --------------------------------------------------------------------------------------------------------
def test_an_invoice_is_typeset_in_german(profile, customer, at):
    open_invoice(customer, lines=(line(179700), usage_line(235)), at=at)
    text = rendered(at, "invoice")
    for words in (
        *("Rechnung", "20. Okt. 2026", "20. Sept. – 19. Okt. 2026", "Rechnung an", "10115 Berlin", "Deutschland"),
        *("12.345", "1,00 $ je 1.000", "1.797,00 $", "USt. 0 % auf 1.799,35 $", "Offener Betrag", "Seite 1 von 1"),
        *("Steuerschuldnerschaft des Leistungsempfängers", "Zeiten in UTC.", "Abrechnungszeitraum", "Einzelpreis"),
    ):
        assert words in text
    assert "Invoice" not in text
    assert "Reverse charge" not in text


def test_the_data_inside_is_the_same_in_every_language(profile, customer, at):
    invoice = open_invoice(customer, lines=(line(1797), usage_line(235)), at=at)
    english = einvoice(invoice)
    with override("de"):
        assert einvoice(invoice) == english
    assert b"Reverse charge" in english


def test_a_receipt_is_typeset_in_german(profile, customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 1797, at=at)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
    submit_payment(payment_id=payment.pk, at=at)
    text = rendered(at, "receipt")
    for words in ("Zahlungsbeleg", "Visa mit Endziffern 4242", "Noch zu zahlen", "17,97 $ (USD)", "vom 20. Okt. 2026"):
        assert words in text


def test_a_credit_note_is_called_what_the_law_calls_it(profile, customer, staff, at):
    invoice = open_invoice(customer, 1797, at=at)
    issue_credit_note(invoice_id=invoice.pk, at=at, reason="Zu viel berechnet", actor=staff)
    text = " ".join(rendered(at, "invoice").split())
    for words in (
        "Rechnungskorrektur",
        "Korrigiert",
        f"{invoice.number} vom 20. Okt. 2026",
        "Korrekturbetrag",
        "17,97 $",
    ):
        assert words in text
    assert "Gutschrift" not in text


def test_a_statement_is_typeset_in_german(profile, customer):
    granted(customer, 5000, at=october(1))
    used(customer, 1500, october(3, 10))
    used(customer, 200, october(3, 11))
    statement = stated(customer)
    text = rendered(midnight(statement.period_end), "statement")
    for words in (
        *("Guthabenauszug", "Anfangssaldo", "Gewährtes Guthaben", "+50,00 $", "Verbrauchtes Guthaben", "−17,00 $"),
        *("Endsaldo", "33,00 $", "Guthaben gewährt: Welcome", "2 Buchungen", "Guthabenbuch #"),
    ):
        assert words in text


def test_a_document_keeps_the_language_it_was_issued_in(profile, customer, at):
    open_invoice(customer, 1797, at=at)
    BillingProfile.objects.filter(pk=profile.pk).update(language="en")
    assert "Rechnung" in rendered(at, "invoice")


# --- messages ---------------------------------------------------------------------------------------------------------
def test_a_message_is_written_in_german_whoever_had_it_made(profile, customer, at):
    granted(customer, 1000)
    invoice = open_invoice(customer, 1797, at=at)
    own = write_notice(Notice.objects.get(template="invoice_issued"))
    assert own.subject == f"Rechnung {invoice.number}: 7,97 $"
    assert "Verbrauchtes Guthaben: Welcome" in own.text
    assert "Steuerschuldnerschaft des Leistungsempfängers" in own.text
    assert "Abrechnungspost von" in own.html or "Abrechnungspost Ihres" in own.html


def test_what_was_done_in_german_is_kept_in_english(profile, customer, alice, at):
    add_card(customer, alice, at, DECLINES)
    invoice = open_invoice(customer, 1797, at=at)
    with override("de"):
        payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
        submit_payment(payment_id=payment.pk, at=at + timedelta(minutes=1))
    notice = Notice.objects.get(template="payment_failed")
    assert "The bank declined the card" in str(notice.context)
    assert "Die Bank" in write_notice(notice).text
    assert "Karte" not in str(list(AuditEntry.objects.values_list("before", "after", "reason")))


# --- pages ------------------------------------------------------------------------------------------------------------
def test_the_pages_of_invoices_are_german(german, customer, alice, at):
    invoice = open_invoice(customer, 1797, at=at)
    german.force_login(alice)
    portal = german.get(reverse("portal")).content.decode()
    for words in ('<html lang="de"', "Bisherige Rechnungen", "Fällig", "Rechnungen gehen an"):
        assert words in portal
    page = german.get(reverse("invoice", args=[invoice.public_id])).content.decode()
    for words in ("Rechnung herunterladen", "Ausgestellt am", "Offener Betrag", "Fällig am", "Zwischensumme"):
        assert words in page


def test_the_pages_of_credits_are_german(german, customer, alice, at):
    granted(customer, 5000)
    german.force_login(alice)
    page = german.get(reverse("credits")).content.decode()
    for words in ("Gebuchter Saldo", "Guthabenposten", "Buchungsverlauf", "Aktiv", "Werbung / kostenlos", "Alle Arten"):
        assert words in page
    assert "unversehrt" in german.get(reverse("credits_verify")).content.decode()
