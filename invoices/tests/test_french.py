"""Documents in French; messages of who chose that are in English, as pages are."""

from functools import partial

import pytest

from accounts.mail import write_notice
from accounts.models import Notice
from accounts.tests.cards import add_card
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
rendered = partial(translated.rendered, language="fr")


@pytest.fixture
def profile(customer):
    return german_company(customer, reads="fr")


def test_an_invoice_is_typeset_in_french(profile, customer, at):
    open_invoice(customer, lines=(line(179700), usage_line(235)), at=at)
    text = rendered(at, "invoice")
    for words in (
        *("Facture", "20 oct. 2026", "20 sept. – 19 oct. 2026", "Facturé à", "10115 Berlin", "Allemagne"),
        *("12 345", "1,00 $US par 1 000", "1 797,00 $US", "TVA 0 % sur 1 799,35 $US", "Montant à payer"),
        *("Autoliquidation", "Heures en UTC.", "Période de facturation", "Prix unitaire", "Page 1 sur 1"),
    ):
        assert words in text
    assert "Invoice" not in text
    assert "Reverse charge" not in text


def test_the_data_inside_is_the_same_as_in_english(profile, customer, at):
    invoice = open_invoice(customer, lines=(line(1797), usage_line(235)), at=at)
    english = einvoice(invoice)
    with override("fr"):
        assert einvoice(invoice) == english


def test_a_receipt_is_typeset_in_french(profile, customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 1797, at=at)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
    submit_payment(payment_id=payment.pk, at=at)
    text = rendered(at, "receipt")
    for words in ("Reçu", "Visa se terminant par 4242", "Reste à payer", "17,97 $US (USD)", "du 20 oct. 2026"):
        assert words in text


def test_a_credit_note_is_called_avoir(profile, customer, staff, at):
    invoice = open_invoice(customer, 1797, at=at)
    issue_credit_note(invoice_id=invoice.pk, at=at, reason="Trop facturé", actor=staff)
    text = " ".join(rendered(at, "invoice").split())
    for words in ("Avoir", "Rectifie", f"{invoice.number} du 20 oct. 2026", "Montant de l’avoir", "17,97 $US"):
        assert words in text


def test_a_statement_is_typeset_in_french(profile, customer):
    granted(customer, 5000, at=october(1))
    used(customer, 1500, october(3, 10))
    used(customer, 200, october(3, 11))
    statement = stated(customer)
    text = rendered(midnight(statement.period_end), "statement")
    for words in (
        *("Relevé de crédits", "Solde d’ouverture", "Crédits accordés", "+50,00 $US", "Crédits utilisés"),
        *("−17,00 $US", "Solde de clôture", "33,00 $US", "Crédits accordés : Welcome", "2 mouvements"),
    ):
        assert words in text


def test_its_message_is_in_english(profile, customer, at):
    invoice = open_invoice(customer, 1797, at=at)
    own = write_notice(Notice.objects.get(template="invoice_issued"))
    assert own.subject == f"Invoice {invoice.number}: $17.97"
    assert "Reverse charge" in own.text
    assert '<html lang="en"' in own.html
