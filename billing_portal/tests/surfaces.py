"""One number everywhere: what each place says a document comes to, as it is written there."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from html import unescape

from django.test import Client
from django.urls import reverse
from lxml import etree
from pypdf import PdfReader

from accounts.mail import write
from accounts.models import Notice
from core import formats
from core.money import exponent
from invoices.einvoice import einvoice
from invoices.models import Invoice
from invoices.pdf import invoice_pdf

AMOUNT = r"(?:[A-Z]{3} )?[^\s<]*\d[^\s<]*"


def disagreements(invoice: Invoice, reader: Client, staff: Client, seen: Counter[str], *, with_pdf: bool) -> list[str]:
    """`reader` is of the customer's people, `staff` of ours; the PDF is typeset only where asked. `seen` counts the
    places that said something."""
    shown = dict(documents(invoice, reader, staff))
    if with_pdf:
        shown["PDF"] = the_one(r"\bTotal\s+(" + AMOUNT + ")", pdf_text(invoice))
    listed = dict(rows(invoice, reader, staff))
    seen.update([*shown, *listed])
    # A credit note says how much comes back; where it stands beside invoices it is below zero.
    expected = formats.money(abs(invoice.total), invoice.currency), formats.money(invoice.total, invoice.currency)
    return [
        f"{invoice.number}: {place} says {said}, not {right}"
        for found, right in zip((shown, listed), expected, strict=True)
        for place, said in found.items()
        if said != right.replace(formats.NO_BREAK_SPACE, " ")
    ]


def documents(invoice: Invoice, reader: Client, staff: Client) -> Iterator[tuple[str, str]]:
    cell = r'Total</th><td class="num">([^<]*)</td>'
    yield "page", the_one(cell, text_of(reader, reverse("invoice", args=[invoice.public_id])))
    yield "page of staff", the_one(cell, text_of(staff, reverse("admin:invoices_invoice_change", args=[invoice.pk])))
    yield "lines", lines_total(invoice, reader)
    messages = [f"invoice:{invoice.pk}:{what}" for what in ("issued", "credited")]
    if notice := Notice.objects.filter(key__in=messages).first():  # nobody is told of what is paid on the spot
        yield "e-mail", mail_total(notice)
    if xml := einvoice(invoice):
        yield "XML", xml_total(invoice, xml)


def announcements(draft: Invoice, reader: Client) -> dict[str, str]:
    """What is said of a draft that waits for its billing date, before it is an invoice."""
    look_at(draft, reader)
    message = Notice.objects.filter(key__startswith=f"invoice:{draft.pk}:announced").latest("pk")
    subject = write(message.template, message.context).subject.replace("Nothing", money_of(Decimal(0), draft.currency))
    return {
        "announcement": the_one("^(" + AMOUNT + ") will be", subject),
        "overview": the_one(r'"announced-total">([^<]*)<', text_of(reader, reverse("billing_overview"))),
    }


def look_at(invoice: Invoice, reader: Client) -> None:
    """Choose its customer, of those that the reader belongs to."""
    assert reader.post(reverse("switch_customer"), {"customer": invoice.customer.key}).status_code == 303


def rows(invoice: Invoice, reader: Client, staff: Client) -> Iterator[tuple[str, str]]:
    look_at(invoice, reader)
    row = rf">{invoice.number}</span></td>.*?data-label=\"Total\"><span>([^<]*)<"
    yield "history", the_one(row, text_of(reader, f"{reverse('portal')}?number={invoice.number}"))
    row = rf"{invoice.number}</a></th>.*?data-label=\"Total\">([^<]*)</td>"
    yield "list of staff", the_one(row, text_of(staff, reverse("admin:customer_invoices", args=[invoice.customer.key])))
    yield "CSV", csv_total(invoice, staff)


def text_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return unescape(response.content.decode())


def the_one(pattern: str, text: str) -> str:
    found = re.findall(pattern, text.replace(formats.NO_BREAK_SPACE, " "), re.DOTALL)
    return found[0] if len(found) == 1 else f"{len(found)} amounts"


def csv_total(invoice: Invoice, staff: Client) -> str:
    response = staff.get(reverse("admin:customer_invoices_csv", args=[invoice.customer.key]))
    rows = csv.DictReader(io.StringIO(b"".join(response).decode()))
    (row,) = [row for row in rows if row["number"] == invoice.number]
    return money_of(Decimal(row["total"]), row["currency"])


def lines_total(invoice: Invoice, reader: Client) -> str:
    """What the rows of its file come to; those of a credit note are below zero."""
    response = reader.get(reverse("invoice_lines_csv", args=[invoice.public_id]))
    rows = csv.DictReader(io.StringIO(b"".join(response).decode()))
    total = sum((Decimal(row["amount"]) for row in rows), Decimal(0))
    return money_of(abs(total), invoice.currency)


def money_of(major: Decimal, currency: str) -> str:
    return formats.money(int(major.scaleb(exponent(currency))), currency).replace(formats.NO_BREAK_SPACE, " ")


def mail_total(notice: Notice) -> str:
    return the_one(r": (" + AMOUNT + ")$", write(notice.template, notice.context).subject)


def xml_total(invoice: Invoice, xml: bytes) -> str:
    (total,) = etree.fromstring(xml).findall(
        ".//{*}SpecifiedTradeSettlementHeaderMonetarySummation/{*}GrandTotalAmount"
    )
    return money_of(Decimal(total.text), invoice.currency)


def pdf_text(invoice: Invoice) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(invoice_pdf(invoice))).pages)
