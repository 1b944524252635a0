"""Issued documents as EN 16931 data: the official schema and business rules find nothing, and every total is the
stored one. That the *category* of a tax is right no validator sees, so each has a test of its own."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from lxml import etree

from accounts.countries import country_names
from accounts.models import BillingProfile
from accounts.tests.cards import add_card
from core.money import exponent, to_major
from core.periods import midnight
from invoices.einvoice import business_terms, einvoice, missing, net_amounts_of, write
from invoices.einvoice_codes import CURRENCIES, OTHER_COUNTRY_CODES, VATEX
from invoices.giving_back import Wanted
from invoices.models import Invoice, Seller, TaxRate
from invoices.paper import invoice_paper
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.issue_credit_note import issue_credit_note
from invoices.tests.cast import BILLING_ON, draft, line, open_invoice, usage_line
from invoices.tests.credited import granted
from invoices.tests.schematron import Schematron, codes_of, schema_errors
from invoices.tests.test_selling import paid_outside, sold

NAMES = {
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}
LATER = midnight(BILLING_ON) + timedelta(days=5)
GERMAN_VAT_ID = "DE136695976"


@pytest.fixture(scope="module")
def rules():
    with Schematron() as schematron:
        yield schematron


@pytest.fixture
def place(seller, customer):
    """`place("DE", tax_id=…)` moves the customer; rates of the seller for a country as facts of TaxRate."""

    def place(country, *, tax_id="", **rate):
        BillingProfile.objects.filter(customer=customer).update(
            legal_name="Wonder Ltd", line1="2 quai", postal_code="1", city="Town", country=country, tax_id=tax_id
        )
        if rate:
            TaxRate.objects.create(seller=seller, country=country, **({"label": "VAT", "percent": 0} | rate))

    return place


def found(xml, path):
    return [node.text for node in etree.fromstring(xml).iterfind(f".//{path}", NAMES)]


def totals(xml):
    """Net, tax, total and what is due, as the XML says."""
    names = ("TaxBasisTotalAmount", "TaxTotalAmount", "GrandTotalAmount", "DuePayableAmount")
    place = "ram:SpecifiedTradeSettlementHeaderMonetarySummation/ram:"
    return [Decimal(found(xml, place + name)[0]) for name in names]


def categories(xml):
    """(category, rate, reason, code) of the breakdown."""
    rows = etree.fromstring(xml).iterfind(".//ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax", NAMES)
    names = ("CategoryCode", "RateApplicablePercent", "ExemptionReason", "ExemptionReasonCode")
    return [tuple(row.findtext(f"ram:{name}", "", NAMES) for name in names) for row in rows]


def checked(invoice, rules):
    """The XML, after everything that must hold for any document."""
    invoice = Invoice.objects.prefetch_related("lines").get(pk=invoice.pk)
    assert missing(invoice) == ""
    xml = einvoice(invoice)
    assert xml is not None
    assert schema_errors(xml) == []
    assert rules.failures(xml) == []
    sign = -1 if invoice.is_credit_note else 1
    stored = [to_major(sign * amount, invoice.currency) for amount in (invoice.subtotal, invoice.tax, invoice.total)]
    assert totals(xml)[:3] == stored
    due = invoice_paper(invoice).amount_due
    assert f"{totals(xml)[3]:,.{exponent(invoice.currency)}f}" in due
    return xml


# --- which category -------------------------------------------------------------------------------------------------
def test_at_home_it_is_the_standard_rate(customer, place, rules):
    place("FR")
    xml = checked(open_invoice(customer, 1_797, 235), rules)
    assert categories(xml) == [("S", "20", "", "")]
    assert found(xml, "ram:SellerTradeParty/ram:SpecifiedTaxRegistration/ram:ID") == ["FR32123456789"]
    assert found(xml, "ram:SpecifiedTradePaymentTerms/ram:Description")[0].startswith("Due ")


def test_a_business_elsewhere_in_the_eu_owes_the_tax_itself(customer, place, rules):
    place("DE", tax_id="DE 136 695 976")
    xml = checked(open_invoice(customer, 1_797), rules)
    assert categories(xml) == [("AE", "0", "Reverse charge", "VATEX-EU-AE")]
    both = found(xml, "ram:SpecifiedTaxRegistration/ram:ID")
    assert both == ["FR32123456789", GERMAN_VAT_ID]


def test_a_rate_of_nothing_that_the_seller_names_is_zero_rated(customer, place, rules):
    place("IE", category="Z")
    assert categories(checked(open_invoice(customer, 1_797), rules)) == [("Z", "0", "", "")]


def test_what_is_exempt_says_why(customer, place, rules):
    place("GB", category="E", reason="Exempt, Article 132", reason_code="VATEX-EU-132")
    assert categories(checked(open_invoice(customer, 1_797), rules)) == [
        ("E", "0", "Exempt, Article 132", "VATEX-EU-132")
    ]


def test_a_code_that_the_standard_has_not_is_left_out(customer, place, rules):
    place("GB", category="E", reason="Exempt, Article 132", reason_code="VATEX-EU-999")
    assert categories(checked(open_invoice(customer, 1_797), rules)) == [("E", "0", "Exempt, Article 132", "")]


def test_a_country_without_a_code_of_iso_has_the_standard_s(customer, place, rules):
    place("XK", tax_id="XK 811 234 567", percent=18)
    xml = checked(open_invoice(customer, 1_797), rules)
    assert found(xml, "ram:BuyerTradeParty/ram:PostalTradeAddress/ram:CountryID") == ["1A"]
    assert found(xml, "ram:BuyerTradeParty/ram:ID") == ["XK 811 234 567"]


def test_an_export_is_one_where_the_seller_says_so(customer, place, rules):
    place("US", tax_id="12-3456789", category="G")
    xml = checked(open_invoice(customer, 1_797), rules)
    assert categories(xml) == [("G", "0", "Export outside the EU", "VATEX-EU-G")]
    assert found(xml, "ram:BuyerTradeParty/ram:ID") == ["12-3456789"]


def test_a_service_outside_the_eu_is_outside_its_scope_and_names_no_vat_id(customer, place, rules):
    place("JP")
    xml = checked(open_invoice(customer, 1_797), rules)
    assert categories(xml) == [("O", "", "Outside the scope of EU VAT", "VATEX-EU-O")]
    numbers = etree.fromstring(xml).iterfind(".//ram:SpecifiedTaxRegistration/ram:ID", NAMES)
    assert [(number.get("schemeID"), number.text) for number in numbers] == [("FC", "FR32123456789")]


def test_a_standard_rate_of_zero_is_never_said_to_be_standard(customer, place, rules):
    place("IE", percent=0)
    assert categories(checked(open_invoice(customer, 1_797), rules)) == [("Z", "0", "", "")]


# --- what a document can hold ---------------------------------------------------------------------------------------
def corrected(customer, *lines):
    [note] = draft_invoices(drafts=[draft(customer, lines=lines, billing_on=date(2026, 11, 20))], at=LATER)
    [issued] = finalize_invoices(invoice_ids=[note.pk], at=midnight(note.billing_on))
    return issued


def test_rates_of_different_times_stand_on_one_document(customer, place, rules):
    place("FR")
    open_invoice(customer, lines=(line(4_900, "fee"),))
    place("DE", tax_id=GERMAN_VAT_ID)
    mixed = corrected(customer, line(2_000), line(-1_000, corrects="fee"))
    xml = checked(mixed, rules)
    assert [row[0] for row in categories(xml)] == ["AE", "S"]
    assert totals(xml)[:3] == [Decimal("10.00"), Decimal("-2.00"), Decimal("8.00")]


def test_what_is_outside_the_scope_stands_beside_taxed_lines_as_exempt(customer, place, rules):
    place("FR")
    open_invoice(customer, lines=(line(4_900, "fee"),))
    place("JP")
    xml = checked(corrected(customer, line(2_000), line(-1_000, corrects="fee")), rules)
    assert categories(xml) == [("E", "0", "Outside the scope of EU VAT", ""), ("S", "20", "", "")]


def test_included_units_and_discounts_are_an_allowance_of_the_line(customer, place, rules):
    place("FR")
    xml = checked(open_invoice(customer, lines=(usage_line(235),)), rules)
    assert found(xml, "ram:BilledQuantity") == ["12345"]
    assert found(xml, "ram:NetPriceProductTradePrice/ram:ChargeAmount") == ["1"]
    assert found(xml, "ram:NetPriceProductTradePrice/ram:BasisQuantity") == ["1000"]
    assert found(xml, "ram:SpecifiedLineTradeSettlement//ram:ActualAmount") == ["10.00"]
    assert "10,000 included" in found(xml, "ram:SpecifiedLineTradeSettlement//ram:Reason")[0]


def test_a_price_below_the_cent_is_a_price_for_many(customer, place, rules):
    place("FR")
    priced = usage_line(148, quantity=Decimal(123_456_789), unit_amount=Decimal("0.000000012"), per_units=1)
    xml = checked(open_invoice(customer, lines=(priced,)), rules)
    assert found(xml, "ram:NetPriceProductTradePrice/ram:ChargeAmount") == ["0.12"]
    assert found(xml, "ram:NetPriceProductTradePrice/ram:BasisQuantity") == ["10000000"]
    assert found(xml, "ram:SpecifiedLineTradeSettlement//ram:ActualAmount") == []


def test_a_line_of_tiers_has_the_price_of_its_whole_quantity(customer, place, rules):
    place("FR")
    tiered = usage_line(120_000, quantity=Decimal(6_000), unit_amount=None, per_units=1)
    xml = checked(open_invoice(customer, lines=(tiered, usage_line(0, quantity=Decimal(0)))), rules)
    assert found(xml, "ram:NetPriceProductTradePrice/ram:ChargeAmount") == ["1200.00", "0.00"]
    assert found(xml, "ram:NetPriceProductTradePrice/ram:BasisQuantity") == ["6000", "1"]


def test_credits_are_an_allowance_before_tax(customer, place, rules):
    place("FR")
    granted(customer, 4_000)
    invoice = open_invoice(customer, 4_900, 235)
    xml = checked(invoice, rules)
    assert invoice.credits == 4_000
    header = "ram:ApplicableHeaderTradeSettlement/ram:SpecifiedTradeAllowanceCharge/ram:"
    assert found(xml, header + "ActualAmount") == ["40.00"]
    assert found(xml, header + "Reason") == ["Credits used: Welcome"]
    assert totals(xml) == [Decimal("11.35"), Decimal("2.27"), Decimal("13.62"), Decimal("13.62")]


@pytest.mark.parametrize(
    ("country", "tax_id", "category", "tax"),
    [
        ("FR", "", ("S", "20", "", ""), 1_800),
        ("DE", GERMAN_VAT_ID, ("AE", "0", "Reverse charge", "VATEX-EU-AE"), 0),
        ("JP", "", ("O", "", "Outside the scope of EU VAT", "VATEX-EU-O"), 0),
    ],
)
def test_credits_that_are_bought_are_a_line_taxed_like_the_service(
    customer, place, rules, at, country, tax_id, category, tax
):
    place(country, tax_id=tax_id)
    granted(customer, 50_000)  # which pays for no credits
    sale = sold(customer, at, 10_000, unit_cost=Decimal("0.9"), total=9_000 + tax)
    xml = checked(sale.invoice, rules)
    assert categories(xml) == [category]
    assert found(xml, "ram:SpecifiedTradeProduct/ram:Name") == ["Purchased credits"]
    assert found(xml, "ram:BilledQuantity") == ["100"]
    assert found(xml, "ram:NetPriceProductTradePrice/ram:ChargeAmount") == ["0.9"]
    assert found(xml, "ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount") == ["90.00"]
    assert found(xml, "ram:SpecifiedTradeAllowanceCharge//ram:ActualAmount") == []
    assert totals(xml) == [90, Decimal(tax) / 100, 90 + Decimal(tax) / 100, 90 + Decimal(tax) / 100]


def test_an_invoice_that_credits_pay_whole_asks_for_nothing(customer, place, rules):
    place("FR")
    granted(customer, 90_000)
    xml = checked(open_invoice(customer, 4_900), rules)
    assert totals(xml) == [0, 0, 0, 0]
    assert found(xml, "ram:SpecifiedTradeSettlementPaymentMeans/ram:TypeCode") == []


def test_prices_that_contain_the_tax_are_said_without_it(customer, place, rules):
    place("CH", percent=Decimal("8.1"), inclusive=True)
    granted(customer, 1_000)
    xml = checked(open_invoice(customer, 4_900, 33, 33, 34), rules)
    assert [row[:2] for row in categories(xml)] == [("S", "8.1")]


def test_several_taxes_on_one_amount_are_one_rate_and_named_in_notes(customer, place, rules):
    place("US", label="State tax", percent=Decimal("8.875"))
    place("US", label="City tax", percent=Decimal("2.125"))
    place("US", label="Transit tax", percent=Decimal("0.5"))
    xml = checked(open_invoice(customer, 9_999), rules)
    assert [row[:2] for row in categories(xml)] == [("S", "11.5")]
    assert "State tax 8.875 % of $99.99: $8.87" in found(xml, "ram:IncludedNote/ram:Content")


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
def test_it_says_amounts_in_the_decimals_of_their_currency(customer, place, rules, currency):
    place("DE", tax_id=GERMAN_VAT_ID)
    xml = checked(open_invoice(customer, 4_900, 230, currency=currency), rules)
    assert totals(xml)[2] == to_major(5_130, currency)


def test_three_decimals_are_more_than_the_standard_has(customer, place):
    place("DE", tax_id=GERMAN_VAT_ID)
    invoice = open_invoice(customer, 4_901, currency="KWD")
    assert (einvoice(invoice), missing(invoice)) == (None, "The e-invoice needs amounts of at most 2 decimals.")


def test_a_card_and_a_bank_account_are_named_as_means(seller, customer, place, rules, alice, at):
    place("FR")
    Seller.objects.update(iban="FR76 3000 6000 0112 3456 7890 189")
    by_transfer = checked(open_invoice(customer, 4_900, currency="EUR"), rules)
    assert found(by_transfer, "ram:SpecifiedTradeSettlementPaymentMeans/ram:TypeCode") == ["58"]
    assert found(by_transfer, "ram:PayeePartyCreditorFinancialAccount/ram:IBANID") == ["FR7630006000011234567890189"]
    add_card(customer, alice, at)
    by_card = checked(open_invoice(customer, 4_900, currency="EUR"), rules)
    assert found(by_card, "ram:SpecifiedTradeSettlementPaymentMeans/ram:TypeCode") == ["48"]


# --- credit notes ---------------------------------------------------------------------------------------------------
def test_a_credit_note_is_positive_and_names_what_it_corrects(customer, place, rules):
    place("FR")
    invoice = open_invoice(customer, lines=(line(1_797), usage_line(235)))
    note = issue_credit_note(invoice_id=invoice.pk, at=LATER, actor=None, reason="Outage")
    xml = checked(note, rules)
    assert found(
        xml, "{urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100}ExchangedDocument/ram:TypeCode"
    ) == ["381"]
    assert found(xml, "ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == [invoice.number]
    assert totals(xml) == [Decimal("20.32"), Decimal("4.06"), Decimal("24.38"), Decimal("24.38")]


def test_notes_of_parts_end_at_the_invoice_s_tax(customer, place, rules):
    place("BE", percent=5)
    invoice = open_invoice(customer, 30)
    parts = [
        issue_credit_note(
            invoice_id=invoice.pk, at=LATER, reason="Outage", key=str(number), wanted=Wanted(amount=amount)
        )
        for number, amount in enumerate((11, 10, 11))
    ]
    assert sum(totals(checked(note, rules))[1] for note in parts) == Decimal("0.02")


def test_a_note_of_credits_gives_back_nothing_to_pay(customer, place, rules):
    place("FR")
    granted(customer, 90_000)
    invoice = open_invoice(customer, 4_900)
    note = issue_credit_note(invoice_id=invoice.pk, at=LATER, actor=None, reason="Outage")
    assert totals(checked(note, rules)) == [0, 0, 0, 0]


def test_a_note_of_bought_credits_gives_back_their_price_and_its_tax(customer, place, rules, at):
    place("FR")
    sale = sold(customer, at, 10_000, total=12_000)
    paid_outside(sale.invoice, 12_000, at)
    note = issue_credit_note(invoice_id=sale.invoice_id, at=LATER, reason="Not needed", wanted=Wanted(amount=3_000))
    xml = checked(note, rules)
    assert categories(xml) == [("S", "20", "", "")]
    assert found(xml, "ram:SpecifiedTradeProduct/ram:Name") == ["Purchased credits (partly given back)"]
    assert found(xml, "ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == [sale.invoice.number]
    assert totals(xml) == [25, 5, 30, 30]


def test_what_a_credit_note_had_paid_is_not_due_any_more(customer, place, rules):
    place("FR")
    paid = open_invoice(customer, lines=(line(4_900, "fee"),))
    Invoice.objects.filter(pk=paid.pk).update(amount_paid=0)
    corrected(customer, line(-9_000, corrects="fee"))
    following = open_invoice(customer, 9_000, at=LATER + timedelta(days=40))
    xml = checked(following, rules)
    assert totals(xml)[3] < totals(xml)[2]


# --- what makes it impossible, and what the validator would say -----------------------------------------------------
def test_without_a_country_there_is_none_and_it_says_why(seller, customer):
    invoice = open_invoice(customer, 4_900)
    assert (einvoice(invoice), missing(invoice)) == (None, "The e-invoice needs the customer's country.")


def test_a_country_that_is_none_is_missing(customer, place):
    place("ZZ")
    assert missing(open_invoice(customer, 4_900)) == "The e-invoice needs the customer's country."


def test_a_currency_of_the_past_is_none(customer, place):
    place("FR")
    assert missing(open_invoice(customer, 4_900, currency="DEM")) == "The e-invoice needs a currency that is in use."


def test_its_lists_are_the_standard_s():
    countries, currencies, reasons = (codes_of(which) for which in ("7", "24", "26"))
    assert {OTHER_COUNTRY_CODES.get(country, country) for country in country_names()} <= countries
    assert (currencies, reasons) == (CURRENCIES, VATEX)


def test_without_a_tax_id_of_the_seller_there_is_none(seller, customer, place):
    Seller.objects.update(tax_id="")
    place("FR")
    assert missing(open_invoice(customer, 4_900)) == "The e-invoice needs the seller's tax ID."


def test_what_xml_cannot_have_is_left_out(customer, place, rules):
    place("FR")
    name = "Wonder\x0b & <Töchter> 株式会社"
    BillingProfile.objects.filter(customer=customer).update(legal_name=name, buyer_reference="04011000\x0b-06")
    xml = checked(open_invoice(customer, 4_900), rules)
    assert found(xml, "ram:BuyerTradeParty/ram:Name") == ["Wonder & <Töchter> 株式会社"]
    assert found(xml, "ram:BuyerReference") == ["04011000-06"]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda terms: terms.update({"BT-115": "999.00"}), "BR-CO-16"),
        (lambda terms: terms.update({"BT-112": "999.00"}), "BR-CO-15"),
        (lambda terms: terms["BG-23"][0].update({"BT-120": "", "BT-121": ""}), "BR-AE-10"),
        (lambda terms: terms["BG-7"].update({"vat_identifier": ""}), "BR-AE-02"),
        (lambda terms: terms["BG-25"][0].update({"BT-131": "1.00"}), "BR-CO-10"),
    ],
)
def test_the_rules_do_find_what_is_wrong(customer, place, rules, change, rule):
    place("DE", tax_id=GERMAN_VAT_ID)
    invoice = open_invoice(customer, 4_900)
    terms = business_terms(invoice, net_amounts_of(invoice), invoice_paper(invoice))
    change(terms)
    assert rule in rules.failures(write(terms))


def test_the_schema_does_find_what_is_wrong(customer, place):
    place("FR")
    xml = einvoice(open_invoice(customer, 4_900))
    assert schema_errors(xml.replace(b"TypeCode>", b"TypeKode>"))
