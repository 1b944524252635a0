"""Documents are wholly in the customer's language, whatever document it is and whatever lines it has.

What a document says in English and in another language alike was written by people, or nobody has translated it.
"""

import re
from copy import copy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from io import BytesIO

import pytest
from pypdf import PdfReader

from accounts.models import BillingProfile, Language
from accounts.tests.cards import add_card
from billing_portal.catalogues import ROOMS, found, kept
from core.periods import Period, midnight
from credits.grants import GrantDraft
from credits.services.adjust_balance import adjust_balance
from credits.services.void_grant import void_grant
from credits.tests.cast import correct
from invoices.giving_back import Left, Standing, Wanted, back_line
from invoices.hand_charges import HandCharge, charge_line, taken_back
from invoices.models import OutsideMethod
from invoices.paper import invoice_paper
from invoices.pdf import invoice_pdf, receipt_pdf, statement_pdf
from invoices.services.collect_payment import collect_payment
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.submit_payment import submit_payment
from invoices.sold_lines import sale_line
from invoices.statement_paper import SUMS, stated_by, statement_paper
from invoices.tests.cast import line, open_invoice
from invoices.tests.credited import granted, put_in
from invoices.tests.test_outside_payments import record_it
from invoices.tests.test_statements import OCTOBER, october, stated, used
from invoices.tests.translated import german_company
from invoices.totals import NO_TAX
from plans.capping import capped
from plans.late import late_lines
from plans.tests.test_late import REQUESTS, late
from plans.tests.test_line_words import LINES, TIERS, UNIT, WHOLE
from plans.tests.test_line_words import used as rated

pytestmark = pytest.mark.usefixtures("seller")

SEPTEMBER = Period(date(2026, 9, 1), OCTOBER.start)
AT = datetime(2026, 10, 20, 10, tzinfo=UTC)  # in a month that every language names otherwise
OTHERS = [code for code in Language.values if code != "en"]
# Names of sellers, customers, prices, units, grants and cards; codes and symbols, which are the same everywhere.
PEOPLE = """
    Meridian Cloud SAS rue de la Mesure Paris France Wunderland GmbH Wonder Ltd Gasse Berlin billing example com
    API requests request Plus monthly fee Zebra Welcome Visa
    US USD UTC IBAN INV RCP CN DE FR Nov
"""
WORD = re.compile(r"[^\W\d_]{2,}")


def words(text):
    """Of two letters at least; no part of numbers, addresses and hashes."""
    return {word for token in text.split() if not re.search(r"\d|@", token) for word in WORD.findall(token)}


@cache
def said_on_documents(language):
    """Words of the English of documents, and of their translations."""
    english, translated = set(), set()
    for room in ROOMS:
        catalogue = kept(room, language)
        for message in found(room, "fr"):  # who has no other words than those of documents
            if message.id:
                english |= words_of(message.id)
                translated |= words_of(catalogue.get(message.id, message.context).string)
    return english, translated


def words_of(message):
    forms = (message,) if isinstance(message, str) else message
    return {word for form in forms for word in WORD.findall(re.sub(r"%\(\w+\)s", " ", form))}


def left_in_english(write):
    """By language, where there are any: words of the document in it which are English and nobody's name.
    `write(language)` gives the PDF."""
    at_first, left = words(text_of(write("en"))), {}
    for language in OTHERS:
        english, translated = said_on_documents(language)
        left[language] = words(text_of(write(language))) & (at_first | english) - translated - set(PEOPLE.split())
    return {language: found for language, found in left.items() if found}


def text_of(pdf):
    """What its pages say, and what a reader lists of it: its title, and what the files inside it are."""
    reader = PdfReader(BytesIO(pdf))
    told = [reader.metadata.title, *(file.description or "" for file in reader.attachment_list)]
    return "\n".join([*told, *(page.extract_text() for page in reader.pages)])


def printed(invoice, language, **facts):
    """An issued document as it is printed for who reads that language; `facts` of it as if it had been issued so."""
    own = copy(invoice)
    own.customer_party = invoice.customer_party | {"language": language}
    for name, value in facts.items():
        setattr(own, name, value)
    return invoice_pdf(own)


def receipt(payment, language):
    payment.invoice.customer_party |= {"language": language}
    return receipt_pdf(payment)


def statement(row, language):
    row.customer_party |= {"language": language}
    return statement_pdf(row)


# --- lines -----------------------------------------------------------------------------------------------------------
def sold():
    grant = GrantDraft(
        key="sale:1", customer_id=1, currency="USD", amount=10_000, funding="purchased", name="Purchased credits",
        unit_cost=1,
    )  # fmt: skip
    return sale_line(grant, AT)


def by_hand():
    charge = HandCharge(key="k", customer_id=1, title="Zebra", currency="USD", amount=5_000, period=WHOLE)
    return charge_line(charge, date(2026, 10, 20))


def cut():
    """What is given back is less than it would be: by a note of staff, and by what other lines gave back."""
    [unused] = LINES["an unused fee"]
    standing = {key: Standing(billed=500, left=100) for key in late(REQUESTS, 0, 30_000, 2_000).billed_keys}
    return [
        *capped([replace(unused, corrects="fee")], {"fee": Standing(billed=4_900, left=500, notes=("CN-1",))}),
        *late_lines([late(REQUESTS, 0, 30_000, 2_000, number=2)], standing),
    ]


def charged():
    """Every kind of line of an invoice."""
    many = tuple(replace(TIERS[0], up_to=bound) for bound in (1, 2, 3, 4, None))
    lines = [
        *(each for lines in LINES.values() for each in lines),
        *rated(replace(UNIT, model="graduated", per_units=1, tiers=many), 20_000),
        *late_lines([late(REQUESTS, 30_000, 20_000, 1_000)]),
        by_hand(),
        taken_back(by_hand()),
        sold(),
        *cut(),
    ]
    return numbered(lines)


def given_back():
    """Each of them given back, wholly and in part."""
    left = [Left(each, NO_TAX, each.amount, each.amount) for each in charged() if each.amount > 1]
    return numbered(back_line(each, each.left - part, "USD") for each in left for part in (0, 1))


def numbered(lines):
    return tuple(replace(each, key=f"{number}:{each.key}", corrects="") for number, each in enumerate(lines))


@pytest.mark.parametrize("lines", [charged, given_back], ids=lambda each: each.__name__)
def test_every_line(customer, lines):
    german_company(customer, reads="en")
    document = open_invoice(customer, lines=lines(), at=AT)
    assert document.is_credit_note is (lines is given_back)
    assert left_in_english(partial(printed, document)) == {}


# --- documents -------------------------------------------------------------------------------------------------------
def an_invoice_of(customer, amount=4_900, **values):
    """With nothing but what people named on its line."""
    return open_invoice(customer, lines=(line(amount, title="Zebra", detail=""),), at=AT, **values)


def invoices(customer, seller):
    """How an invoice is to be paid, which tax it has, and what credits took off it."""
    german_company(customer, reads="en")
    BillingProfile.objects.filter(customer=customer).update(po_number="4711")
    invoice = an_invoice_of(customer)
    bank = invoice.seller_party | {"iban": "FR7630006000011234567890189"}
    for days in (0, 1, 14):
        due_on = invoice.issued_on + timedelta(days=days)
        yield partial(printed, invoice, seller_party=bank, collection="send_invoice", due_on=due_on)
    yield partial(printed, invoice, collection="automatic", due_on=invoice.issued_on)
    put_in(customer, "US")
    yield partial(printed, an_invoice_of(customer))
    seller.tax_rates.filter(country="FR").update(inclusive=True)
    put_in(customer, "FR")
    granted(customer, 1_000)
    granted(customer, 2_000, name="Purchased credits")
    yield partial(printed, an_invoice_of(customer))
    granted(customer, 10_000)
    paid = an_invoice_of(customer)
    yield partial(printed, paid)
    yield partial(printed, paid, ledger_balance=None)
    yield partial(printed, an_invoice_of(customer, 0))


def notes(customer, seller):
    """Where the money of a credit note goes, and the invoice that one lowers."""
    german_company(customer, reads="en")
    paid = an_invoice_of(customer)
    record_it(paid, AT)
    note = issue_credit_note(invoice_id=paid.pk, at=AT, reason="Zebra", wanted=Wanted(goes_to="kept"))
    yield from (partial(printed, note, goes_to=goes_to) for goes_to in ("order", "kept", "payment"))
    lowered = an_invoice_of(customer)
    assert note.number in invoice_paper(lowered).credits[0].label
    yield partial(printed, lowered)
    granted(customer, 10_000)
    yield partial(printed, issue_credit_note(invoice_id=an_invoice_of(customer).pk, at=AT, reason="Zebra"))


def receipts(customer, seller):
    """With a card, and by every way around it; and of an invoice that credits have lowered."""
    german_company(customer, reads="en")
    granted(customer, 1_000)
    for number, method in enumerate(OutsideMethod.values):
        paid = record_it(an_invoice_of(customer), AT, key=f"k{number}", method=method, reference="Zebra")
        yield partial(receipt, paid)
    add_card(customer, customer.memberships.earliest("pk").user, AT)
    payment = collect_payment(invoice_id=an_invoice_of(customer).pk, at=AT, automatic=True)
    yield partial(receipt, submit_payment(payment_id=payment.pk, at=AT))


def statements(customer, seller):
    """Each kind of movement, some booked late; a balance below zero; and a month without any."""
    german_company(customer, reads="en")
    yield partial(statement, stated(customer, SEPTEMBER))
    used(customer, 250, midnight(SEPTEMBER.start), at=october(1, 1))
    granted(customer, 1_000, at=october(1, 1), expires_at=october(20))
    granted(customer, 500, at=october(1, 1), features=("zebra",), expires_at=october(20))
    forfeited = granted(customer, 1_000, at=october(2), name="Purchased credits")
    void_grant(grant_id=forfeited.pk, at=october(3), actor=None, reason="Zebra")
    for hour in (1, 2):
        used(customer, 300, october(4, hour))
    correct(customer, "window", 100, october(5))
    for number, amount in enumerate((200, -3_000)):
        adjust_balance(
            key=f"k{number}", customer_id=customer.pk, currency="USD", amount=amount, reason="Zebra", at=october(6),
            actor=None,
        )  # fmt: skip
    stated_now = stated(customer)
    assert {each.kind for each in stated_by(stated_now)} == {*SUMS}
    assert statement_paper(stated_now).late
    yield partial(statement, stated_now)


@pytest.mark.parametrize("documents", [invoices, notes, receipts, statements], ids=lambda each: each.__name__)
def test_every_document(customer, alice, seller, documents):
    left = [left_in_english(write) for write in documents(customer, seller)]
    assert left == [{}] * len(left)


@pytest.mark.parametrize("language", OTHERS)
def test_no_name_hides_a_word_of_ours(language):
    english, _translated = said_on_documents(language)
    assert english & set(PEOPLE.split()) == {"IBAN", "UTC"}


def test_what_is_not_translated_is_found(customer):
    english = open_invoice(customer, lines=(line(4_900, detail="$49.00 × 11 of 30 days"),), at=AT)
    assert left_in_english(partial(printed, english)) == {"de": {"of", "days"}, "fr": {"of", "days"}}
