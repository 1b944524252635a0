"""Invoice PDFs of 20 lines, from the database row, against bare WeasyPrint on the finished HTML."""

from datetime import UTC, date, datetime
from decimal import Decimal

from django.template.loader import render_to_string

from accounts.models import Customer
from billing_portal.benchmarks.measure import Measurement, seconds
from invoices import pdf
from invoices.models import Invoice, InvoiceLine, LineKind, Seller
from invoices.paper import invoice_paper

LINES = 20


def measure_documents(*, count: int, seller: Seller) -> Measurement:
    """PDFs per second in one process, fonts and styles warm on both sides, rounds interleaved."""
    invoice = an_invoice(seller)
    html = render_to_string("pdf/invoice.html", {"paper": invoice_paper(invoice)})
    pdf.write(html)
    took = floor = 0.0
    for _ in range(count):
        floor += seconds(lambda: pdf.write(html))
        took += seconds(lambda: pdf.invoice_pdf(Invoice.objects.get(pk=invoice.pk)))
    return Measurement("PDF", "documents/s", count / took, count / floor, f"bare WeasyPrint, {LINES} lines")


def an_invoice(seller: Seller) -> Invoice:
    customer = Customer.objects.create(name="Documents")
    party = {
        "name": "Bench Ltd",
        "legal_name": "Bench Ltd",
        "line1": "1 Street",
        "postal_code": "1000",
        "city": "Town",
        "country": "DE",
    }
    invoice = Invoice.objects.create(
        key="bench:documents",
        customer=customer,
        seller=seller,
        currency="USD",
        billing_on=date(2026, 4, 10),
        period_start=date(2026, 3, 10),
        period_end=date(2026, 4, 10),
        calculated_at=datetime(2026, 4, 7, tzinfo=UTC),
        subtotal=LINES * 1234,
        tax=0,
        total=LINES * 1234,
        seller_party={**party, "legal_name": seller.legal_name},
        customer_party=party,
    )
    InvoiceLine.objects.bulk_create(a_line(invoice, number) for number in range(LINES))
    return invoice


def a_line(invoice: Invoice, number: int) -> InvoiceLine:
    return InvoiceLine(
        key=f"bench:{number}",
        customer=invoice.customer,
        invoice=invoice,
        position=number,
        kind=LineKind.USAGE,
        currency="USD",
        title=f"API requests of region {number}",
        detail="(22,340 − 10,000 included) × $1.00 per 1,000 requests",
        starts_at=datetime(2026, 3, 10, tzinfo=UTC),
        ends_at=datetime(2026, 4, 7, tzinfo=UTC),
        quantity=Decimal(22_340),
        unit_amount=Decimal(1),
        per_units=1000,
        amount=1234,
    )
