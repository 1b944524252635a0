"""How long a document waits for its money where nothing is charged by itself."""

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from invoices.models import Invoice


def terms_of(invoice: "Invoice") -> timedelta:
    """From its issue until it is due: as its contract says, else PAYMENT_TERMS."""
    return settings.PAYMENT_TERMS if invoice.payment_terms is None else timedelta(days=invoice.payment_terms)
