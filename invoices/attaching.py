"""The files that go with a message, by the names that `emails.py` gives them: invoice:7, void:7, receipt:3,
statement:9.

The customer chooses whether the PDF goes, and whether the data of invoices and credit notes goes as a file, too: they
are inside the PDF anyway. With the PDF of a credit note they always go.
"""

import logging
from collections.abc import Sequence

from django.db.models import Q

from accounts.notices import Attach, Attachment
from invoices.einvoice import data_of
from invoices.models import Document, DocumentKind, Invoice
from invoices.pdf import available

logger = logging.getLogger(__name__)

MOST = 5 * 1024 * 1024  # bytes; many mail servers refuse little more
OWNERS = {
    DocumentKind.INVOICE: "invoice",
    DocumentKind.VOID: "invoice",
    DocumentKind.RECEIPT: "payment",
    DocumentKind.STATEMENT: "statement",
}


def find_files(documents: Sequence[str], attach: Attach) -> list[Attachment] | None:
    """Those that `attach` wants, in the order of the names; None while one of them is still to be rendered: the data
    are taken out of the PDF, as for the download.

    Nothing where PDFs can't be made here, or where the files are too large together: the message links to them anyway.
    """
    wanted = [name for name in documents if attach.pdf or (attach.xml and name.startswith(f"{DocumentKind.INVOICE}:"))]
    if available():
        return []
    found = {_name(row): row for row in _rows(wanted)}
    if any(name not in found for name in wanted):
        return None
    files = [file for name in wanted for file in _files(found[name], attach)]
    return files if sum(len(file.content) for file in files) <= MOST else []


def _rows(documents: Sequence[str]) -> list[Document]:
    wanted = Q()
    for name in documents:
        kind, _, owner_id = name.partition(":")
        wanted |= Q(kind=kind, **{f"{OWNERS[DocumentKind(kind)]}_id": int(owner_id)})
    return list(Document.objects.filter(wanted).select_related("invoice")) if documents else []


def _files(row: Document, attach: Attach) -> list[Attachment]:
    pdf = [Attachment(row.filename, bytes(row.content))] if attach.pdf else []
    invoice = row.invoice if row.kind == DocumentKind.INVOICE else None
    xml = _data(row, invoice) if invoice and (attach.xml or invoice.is_credit_note) else None
    name = f"{row.filename.removesuffix('.pdf')}.xml"
    return [*pdf, Attachment(name, xml, "application/xml")] if xml else pdf


def _data(row: Document, invoice: Invoice) -> bytes | None:
    """None also where it can't be read or written: the message goes out without."""
    try:
        return data_of(invoice, row.content)
    except Exception:
        logger.exception("The data of %s could not be read", row.filename)
        return None


def _name(row: Document) -> str:
    return f"{row.kind}:{getattr(row, OWNERS[DocumentKind(row.kind)] + '_id')}"
