"""The only WeasyPrint in the house: an invoice, a receipt or a credit statement as PDF/A-3a bytes, tagged and with
its fonts inside; an invoice or credit note with its data in it (`invoices/einvoice.py`).

WeasyPrint needs system libraries that a machine may lack, so it is imported on first use; `available()` says what is
missing. Nothing but the template – with the logo in it – and the fonts beside this file is
ever loaded: every other address is refused.
"""

import atexit
import logging
from contextlib import AbstractContextManager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from core.language import ENGLISH, override
from invoices.einvoice import einvoice
from invoices.glyphs import unprintable
from invoices.models import CreditStatement, Invoice, Payment, Seller
from invoices.paper import Party, invoice_paper, receipt_paper, void_text
from invoices.pdfa import options
from invoices.selectors import default_seller
from invoices.statement_paper import statement_paper

logger = logging.getLogger(__name__)
INSTALL = (
    "install Pango and HarfBuzz, for example: apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
)
STYLES = Path(__file__).with_name("pdf.css")


class PdfUnavailableError(RuntimeError):
    """WeasyPrint's system libraries are missing; `str()` says which to install."""


@cache
def available() -> str:
    """Empty where PDFs can be made, else what to install."""
    try:
        import_module("weasyprint")
    except OSError:
        return INSTALL
    return ""


def invoice_pdf(invoice: Invoice) -> bytes:
    """The invoice as it was issued. Raises PdfUnavailableError."""
    with _language_of(invoice.customer_party):
        context = {"paper": invoice_paper(invoice), "portal": settings.PORTAL_URL}
        return render("pdf/invoice.html", context, invoice.seller, einvoice(invoice))


def void_pdf(invoice: Invoice) -> bytes:
    """A void invoice or credit note as it was issued, stamped. Without data inside: no stamp would be seen on them.
    Raises PdfUnavailableError."""
    with _language_of(invoice.customer_party):
        context = {"paper": invoice_paper(invoice), "portal": settings.PORTAL_URL, "stamp": void_text(invoice)}
        return render("pdf/invoice.html", context, invoice.seller)


def receipt_pdf(payment: Payment) -> bytes:
    """Proof of one succeeded payment. Raises PdfUnavailableError."""
    with _language_of(payment.invoice.customer_party):
        page = settings.PORTAL_URL + reverse("invoice", args=[payment.invoice.public_id])
        context = {"paper": receipt_paper(payment), "invoice_url": page}
        return render("pdf/receipt.html", context, payment.invoice.seller)


def statement_pdf(statement: CreditStatement) -> bytes:
    """A month of credit as it was stated. Raises PdfUnavailableError."""
    with _language_of(statement.customer_party):
        return render("pdf/statement.html", {"paper": statement_paper(statement)}, default_seller())


def _language_of(customer: Party) -> AbstractContextManager[None]:
    """What the customer had chosen when the document was issued; English on those that are older than the choice."""
    return override(customer.get("language", ENGLISH))


def render(template: str, context: dict[str, Any], seller: Seller, xml: bytes | None = None) -> bytes:
    """A tagged PDF of a template in the active language, with `xml` inside, in the dress its seller has now. Raises
    PdfUnavailableError."""
    problem = available()
    if problem:
        raise PdfUnavailableError(problem)
    html = render_to_string(template, context | {"logo": seller.logo})
    if foreign := unprintable(html):
        logger.warning("%s %s: none of our fonts has %r", template, context["paper"].number, foreign)
    return write(html, xml, seller.accent)


def write(html: str, xml: bytes | None = None, accent: str = "") -> bytes:
    """Finished HTML → PDF bytes; fonts and styles are read once per process. `accent`: a colour, #rrggbb."""
    weasyprint = import_module("weasyprint")
    fonts, styles, nowhere = _tools()
    document = weasyprint.HTML(string=html, base_url="portal:", url_fetcher=nowhere)
    own = [weasyprint.CSS(string=f":root {{ --accent: {accent} }}", url_fetcher=nowhere)] if accent else []
    pdf: bytes = document.write_pdf(stylesheets=[styles, *own], font_config=fonts, **options(xml))
    return pdf


@cache
def _tools() -> tuple[Any, Any, Any]:
    """Fonts, style sheet, and a fetcher to which every address is forbidden, but what is written in it. Only the style
    sheet, which is ours, reads files: the fonts."""
    weasyprint = import_module("weasyprint")
    logging.getLogger("weasyprint.progress").setLevel(logging.WARNING)
    fonts = import_module("weasyprint.text.fonts").FontConfiguration()
    fetcher = import_module("weasyprint.urls").URLFetcher
    own, nowhere = fetcher(allowed_protocols=("file",)), fetcher(allowed_protocols=("data",))
    atexit.register(_tools.cache_clear)  # the fonts take their leave while there is still a library to do it
    return fonts, weasyprint.CSS(filename=STYLES, font_config=fonts, url_fetcher=own), nowhere
