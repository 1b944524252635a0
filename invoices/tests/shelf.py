"""Issued documents in numbers, with PDFs that cost nothing to make; and what is in a ZIP."""

import csv
import hashlib
import io
import zipfile
from datetime import datetime

from accounts.models import Customer, User
from core.periods import midnight
from invoices.models import Document, DocumentKind, Invoice
from invoices.models_archives import Archive
from invoices.services.build_archives import build_archives
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.request_archive import request_archive
from invoices.tests.cast import BILLING_ON, draft


def issued(customer: Customer, count: int) -> list[Invoice]:
    """So many invoices of different amounts."""
    drafts = [draft(customer, 100 + number) for number in range(count)]
    made = draft_invoices(drafts=drafts, at=midnight(BILLING_ON))
    return finalize_invoices(invoice_ids=[invoice.pk for invoice in made], at=midnight(BILLING_ON))


def rendered(invoices: list[Invoice], size: int = 2_000) -> None:
    """As the worker leaves them, each with a content of its own."""
    contents = {invoice: f"%PDF {invoice.number} ".encode().ljust(size, b".") for invoice in invoices}
    Document.objects.bulk_create(
        Document(
            kind=DocumentKind.INVOICE,
            invoice=invoice,
            filename=f"{invoice.number}.pdf",
            content=content,
            sha256=hashlib.sha256(content).hexdigest(),
            created_at=midnight(BILLING_ON),
        )
        for invoice, content in contents.items()
    )


def requested(
    invoices: list[Invoice], at: datetime, actor: User | None, *, key: str = "k", customer: Customer | None = None
) -> Archive:
    return request_archive(
        key=key,
        invoice_ids=[invoice.pk for invoice in invoices],
        customer_id=customer.pk if customer else None,
        selection="Chosen in the list",
        purpose="Audit of 2026",
        at=at,
        actor=actor,
    )


def built(archive: Archive, at: datetime) -> Archive:
    """Until nothing is due any more."""
    while build_archives(at=at):
        pass
    archive.refresh_from_db()
    return archive


def opened(archive: Archive) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(archive.content())))


def index_of(archive: Archive) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(opened(archive).read("index.csv").decode())))
