"""What stands on an invoice or a receipt, as text: one source for the page, the PDF and its tests.

Every figure is written by core.formats, once; templates only place it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext, gettext_noop, ngettext, pgettext

from accounts.countries import country_names
from core import formats
from core.periods import Period, Window, utc_day
from core.wording import detail_of, title_of
from invoices.models import Collection, CreditApplication, Invoice, InvoiceLine, Payment
from invoices.selectors import issue_days
from invoices.taxing import TaxText, credit_texts, ledger_text, tax_notes, tax_texts
from invoices.terms import terms_of

Party = dict[str, Any]
LETTER = ("US", "CA", "MX", "PH")  # CLDR: the countries of our customers that do not print on A4


@dataclass(frozen=True, slots=True)
class PaperLine:
    """One row of the table."""

    key: str
    title: str
    detail: str
    window: str
    quantity: str
    unit_price: str
    amount: str


@dataclass(frozen=True, slots=True)
class InvoicePaper:
    """An invoice or a credit note (`title`; `draft_title` before it is issued) as it is printed, in the active
    language. Statuses change later and are not printed.

    A credit note's amounts are printed positive. `taxes` has a row per rate; `tax_notes` says why none is charged.
    `charges` is the sum of the lines, where it is not the subtotal: credit pays (`grants` is what each grant takes off,
    before tax), or the prices contain tax (`includes_tax`); else both are empty. `memo` says why a credit note gives
    back. `late_payment` and `legal_note` are the seller's own words, in the seller's language. `ledger` says where the
    customer's credit ledger was when it was issued.
    """

    title: str
    draft_title: str
    number: str
    corrects: str
    issued_on: str
    due_on: str
    period: str
    currency: str
    po_number: str
    memo: str
    terms: str
    late_payment: str
    legal_note: str
    iban: str
    seller: Party
    customer: Party
    seller_address: str
    customer_address: str
    is_letter: bool
    lines: tuple[PaperLine, ...]
    includes_tax: bool
    charges: str
    grants: tuple[TaxText, ...]
    subtotal: str
    taxes: tuple[TaxText, ...]
    tax_notes: tuple[str, ...]
    total: str
    credits: tuple[TaxText, ...]
    due_label: str
    amount_due: str
    ledger: str


NOTE_TERMS = {
    "order": gettext_noop(
        "Lowers what is due on open invoices; the rest goes back to the card that paid, or to the next invoice."
    ),
    "kept": gettext_noop("Lowers what is due on open invoices; the rest is kept for the next invoice."),
    "payment": gettext_noop("Goes back to the card that paid."),
}


@dataclass(frozen=True, slots=True)
class ReceiptPaper:
    """Proof of one payment; not an invoice."""

    number: str
    paid_on: str
    amount: str
    currency: str
    method: str
    reference: str
    reference_label: str
    invoice_number: str
    invoice_issued_on: str
    invoice_total: str
    credits: tuple[TaxText, ...]
    amount_left: str
    seller: Party
    customer: Party
    seller_address: str
    customer_address: str
    is_letter: bool


def invoice_paper(invoice: Invoice, named: Iterable[Invoice] | None = None) -> InvoicePaper:
    """The document of an issued invoice: what was due when it was issued. `named`: as `issue_days` takes it."""
    money = _money(invoice.currency)
    sign = -1 if invoice.is_credit_note else 1
    seller, customer = invoice.seller_party, invoice.customer_party
    credits = credits_at_issue(invoice)
    due = sign * invoice.total - sum(credit.amount for credit in credits)
    differs = bool(invoice.credits or invoice.credit_rows or invoice.tax_included)
    return InvoicePaper(
        title=gettext("Credit note") if invoice.is_credit_note else gettext("Invoice"),
        draft_title=gettext("Draft credit note") if invoice.is_credit_note else gettext("Draft invoice"),
        corrects=corrected_text(issue_days(invoice, named)),
        number=invoice.number or "",
        issued_on=formats.day(invoice.issued_on) if invoice.issued_on else "",
        due_on=formats.day(invoice.due_on) if invoice.due_on else "",
        period=formats.period(Period(invoice.period_start, invoice.period_end)),
        currency=invoice.currency,
        po_number=customer.get("po_number", ""),
        memo=gettext("Reason: %(memo)s") % {"memo": invoice.memo} if invoice.memo else "",
        terms=_terms(invoice, due),
        late_payment="" if invoice.is_credit_note else seller.get("late_payment", ""),
        legal_note=seller.get("legal_note", ""),
        iban="" if is_charged(invoice) or invoice.is_credit_note or not due else seller.get("iban", ""),
        seller=seller,
        customer=customer,
        seller_address=address(seller),
        customer_address=address(customer),
        is_letter=is_letter(customer),
        lines=tuple(_line(line, invoice.currency, sign) for line in invoice.lines.all()),
        includes_tax=bool(invoice.tax_included),
        charges=money(sign * (invoice.subtotal + invoice.tax_included + invoice.credits)) if differs else "",
        grants=credit_texts(invoice, sign),
        subtotal=money(sign * invoice.subtotal),
        taxes=tax_texts(invoice, sign),
        tax_notes=tax_notes(invoice),
        total=money(sign * invoice.total),
        credits=tuple(_credit(credit, invoice.currency) for credit in credits),
        due_label=pgettext("credit note", "Credited") if invoice.is_credit_note else gettext("Amount due"),
        amount_due=money(due),
        ledger=ledger_text(invoice.ledger_sequence, invoice.ledger_head),
    )


def document_name(invoice: Invoice) -> str:
    """`Credit note CN-2026-000001`; before it is issued `Draft credit note`."""
    if invoice.number is None:
        return gettext("Draft credit note") if invoice.is_credit_note else gettext("Draft invoice")
    name = gettext("Credit note %(number)s") if invoice.is_credit_note else gettext("Invoice %(number)s")
    return name % {"number": invoice.number}


def void_text(invoice: Invoice) -> str:
    """`Void since 20 Nov 2026`; empty where it is not."""
    if invoice.voided_at is None:
        return ""
    return gettext("Void since %(day)s") % {"day": formats.day(utc_day(invoice.voided_at))}


def receipt_paper(payment: Payment) -> ReceiptPaper:
    """The receipt of a succeeded payment. What is left counts the payments up to this one."""
    invoice = payment.invoice
    money = _money(payment.currency)
    earlier = invoice.payments.filter(status=payment.status, pk__lte=payment.pk)
    left = invoice.total - invoice.amount_credited - sum(earlier.values_list("amount", flat=True))
    return ReceiptPaper(
        number=payment.receipt_number or "",
        paid_on=formats.day(payment.paid_on) if payment.paid_on else "",
        amount=money(payment.amount),
        currency=payment.currency,
        method=payment.means,
        reference=payment.reference or payment.gateway_id,
        reference_label=gettext("Reference") if payment.is_outside else gettext("Processor's reference"),
        invoice_number=invoice.number or "",
        invoice_issued_on=formats.day(invoice.issued_on) if invoice.issued_on else "",
        invoice_total=money(invoice.total),
        credits=credit_texts(invoice),
        amount_left=money(left),
        seller=invoice.seller_party,
        customer=invoice.customer_party,
        seller_address=address(invoice.seller_party),
        customer_address=address(invoice.customer_party),
        is_letter=is_letter(invoice.customer_party),
    )


def address(party: Party) -> str:
    """Street, city and country, one per line, without the name."""
    city = " ".join(filter(None, (party.get("postal_code"), party.get("city"))))
    country = country_names().get(party.get("country", ""), party.get("country", ""))
    parts = (party.get("line1"), party.get("line2"), city, party.get("region"), country)
    return "\n".join(part for part in parts if part)


def corrected_text(days: Mapping[str, date | None]) -> str:
    """`INV-2026-000001 of 20 Oct 2026`: what a credit note corrects, without a doubt."""
    named = gettext("%(number)s of %(day)s")
    return ", ".join(named % {"number": each, "day": formats.day(on)} if on else each for each, on in days.items())


def is_letter(party: Party) -> bool:
    """Whether its country prints on Letter instead of A4."""
    return party.get("country", "") in LETTER


def credits_at_issue(invoice: Invoice) -> list[CreditApplication]:
    """The credit notes that lowered it when it was issued; what comes later is not printed."""
    if invoice.is_credit_note or invoice.finalized_at is None or not invoice.amount_credited:
        return []
    at_issue = invoice.credit_applications.filter(at=invoice.finalized_at).select_related("credit_note")
    return list(at_issue.order_by("pk"))


def _credit(credit: CreditApplication, currency: str) -> TaxText:
    label = gettext("Credit note %(number)s") % {"number": credit.credit_note.number}
    return TaxText(label, formats.money(-credit.amount, currency))


def _line(line: InvoiceLine, currency: str, sign: int) -> PaperLine:
    return PaperLine(
        key=line.key,
        title=title_of(line.title),
        detail=detail_of(line.detail, line.explain),
        window=formats.window(Window(line.starts_at, line.ends_at)),
        quantity=formats.quantity(line.quantity),
        unit_price=_unit_price(line.unit_amount, line.per_units, currency),
        amount=formats.money(sign * line.amount, currency),
    )


def _unit_price(unit_amount: Decimal | None, per_units: int, currency: str) -> str:
    """`$1.00 per 1,000`; the unit itself is named by the line."""
    if unit_amount is None:
        return ""
    price = formats.price(unit_amount, currency)
    if per_units == 1:
        return price
    return gettext("%(price)s per %(unit)s") % {"price": price, "unit": formats.quantity(per_units)}


def _terms(invoice: Invoice, due: int) -> str:
    """How it was to be paid when it was issued, whatever happened since."""
    if invoice.is_credit_note:
        return gettext(NOTE_TERMS[invoice.goes_to]) if invoice.total else gettext("Returned to your credit balance.")
    if not due:
        return _settled_by_credit(invoice) or gettext("Nothing to pay.")
    if invoice.due_on is None:
        return ""
    day = formats.day(invoice.due_on)
    if is_charged(invoice):
        return gettext("Charged to your default payment method on %(day)s.") % {"day": day}
    days = (invoice.due_on - (invoice.issued_on or invoice.billing_on)).days
    if not days:
        return gettext("Due %(day)s, on receipt.") % {"day": day}
    return ngettext("Due %(day)s, %(days)s day.", "Due %(day)s, %(days)s days.", days) % {"day": day, "days": days}


def _settled_by_credit(invoice: Invoice) -> str:
    """Where credit left nothing to pay: what is left of it, as it stood when the invoice was issued."""
    if invoice.total or not invoice.credit_rows:
        return ""
    if invoice.ledger_balance is None:
        return gettext("Paid with credits.")
    balance = formats.money(invoice.ledger_balance, invoice.currency)
    return gettext("Paid with credits. Your balance after: %(balance)s.") % {"balance": balance}


def is_charged(invoice: Invoice) -> bool:
    """Whether it was issued to be collected from a card: then it is due before the terms of the others end."""
    end = (invoice.issued_on or invoice.billing_on) + terms_of(invoice)
    return invoice.collection == Collection.AUTOMATIC and invoice.due_on is not None and invoice.due_on < end


def _money(currency: str) -> Any:
    return lambda amount: formats.money(amount, currency)
