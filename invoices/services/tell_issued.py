"""The message of an invoice that was issued without one, because nobody knew yet whether it would stay."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from accounts.selectors import default_payment_methods, recipients
from accounts.services.queue_notices import queue_notices
from invoices.emails import issued
from invoices.models import Invoice


@transaction.atomic
def tell_issued(*, invoice_ids: Collection[int], at: datetime) -> None:
    """Queue E7 for invoices that were finalized without `tell`; whoever was told already is not told again."""
    invoices = list(Invoice.objects.filter(pk__in=invoice_ids, number__isnull=False).order_by("pk"))
    customer_ids = [invoice.customer_id for invoice in invoices]
    cards, to = default_payment_methods(customer_ids), recipients(customer_ids)
    queue_notices(
        [issued(invoice, cards.get(invoice.customer_id), to.get(invoice.customer_id, [])) for invoice in invoices],
        at=at,
    )
