"""The files that go with a message, by the names that `emails.py` gives them: invoice:7, receipt:3, statement:9.

With a credit note its data goes as a file, too. Of an invoice they are inside its PDF alone, which everybody can read.
"""

import logging
from collections.abc import Sequence

from django.db.models import Q

from accounts.notices import Attachment
from invoices.einvoice import data_of
from invoices.models import Document, DocumentKind, Invoice
from invoices.pdf import available

logger = logging.getLogger(__name__)

MOST = 5 * 1024 * 1024  # bytes; many mail servers refuse little more
OWNERS = {DocumentKind.INVOICE: "invoice", DocumentKind.RECEIPT: "payment", DocumentKind.STATEMENT: "statement"}


def find_files(documents: Sequence[str]) -> list[Attachment] | None:
    """In the order of the names; None while one of them is still to be rendered.

    Nothing where PDFs can't be made here, or where they are too large together: the message links to them anyway.
    """
    if available():
        return []
    found = {_name(row): _files(row) for row in _rows(documents)}
    if any(name not in found for name in documents):
        return None
    files = [file for name in documents for file in found[name]]
    return files if sum(len(file.content) for file in files) <= MOST else []


def _rows(documents: Sequence[str]) -> list[Document]:
    wanted = Q()
    for name in documents:
        kind, _, owner_id = name.partition(":")
        wanted |= Q(kind=kind, **{f"{OWNERS[DocumentKind(kind)]}_id": int(owner_id)})
    return list(Document.objects.filter(wanted).select_related("invoice")) if documents else []


def _files(row: Document) -> list[Attachment]:
    pdf = Attachment(row.filename, bytes(row.content))
    invoice = row.invoice if row.kind == DocumentKind.INVOICE else None
    xml = _data(row, invoice) if invoice and invoice.is_credit_note else None
    return [pdf, Attachment(f"{row.filename.removesuffix('.pdf')}.xml", xml, "application/xml")] if xml else [pdf]


def _data(row: Document, invoice: Invoice) -> bytes | None:
    """None also where it can't be read or written: the message goes out without."""
    try:
        return data_of(invoice, row.content)
    except Exception:
        logger.exception("The data of %s could not be read", row.filename)
        return None


def _name(row: Document) -> str:
    return f"{row.kind}:{getattr(row, OWNERS[DocumentKind(row.kind)] + '_id')}"
