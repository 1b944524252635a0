"""A customer who reads another language than English, and the words on their papers."""

from datetime import datetime
from io import BytesIO

from pypdf import PdfReader

from accounts.models import BillingProfile, Customer
from invoices.models import Document
from invoices.services.deliver_documents import deliver_documents
from invoices.tests.credited import put_in


def german_company(customer: Customer, *, reads: str) -> BillingProfile:
    """Its VAT id makes the seller in France charge nothing."""
    put_in(customer, "DE")
    values = {"legal_name": "Wunderland GmbH", "line1": "Gasse 2", "postal_code": "10115", "city": "Berlin"}
    BillingProfile.objects.filter(customer=customer).update(**values, language=reads, tax_id="DE136695976")
    return BillingProfile.objects.get(customer=customer)


def rendered(at: datetime, kind: str, *, language: str) -> str:
    """The words of the newest of its kind, every space a plain one; the file says that they are in that language."""
    deliver_documents(at=at)
    document = Document.objects.filter(kind=kind).latest("pk")
    reader = PdfReader(BytesIO(bytes(document.content)))
    assert str(reader.root_object["/Lang"]) == language
    text = "\n".join(page.extract_text() for page in reader.pages)
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
