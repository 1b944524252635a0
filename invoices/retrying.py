"""After a declined collection: when the card is tried again, on the invoice's own row where every collection waits."""

from datetime import datetime

from django.conf import settings

from invoices.dunning import next_try
from invoices.models import InvoiceStatus, OverdueStory, Payment, PaymentStatus


def plan_next_try(payment: Payment, at: datetime) -> None:
    """`collect_at` of the invoice of an automatic payment that is declined now: a day of DUNNING_RETRY_DAYS, None after
    the last one and after a decline that is final for this card; a purchase of credit is tried once. The caller holds
    the customer's lock."""
    invoice = payment.invoice
    if not payment.automatic or invoice.is_sale or invoice.status != InvoiceStatus.OPEN:
        return
    before = invoice.payments.filter(automatic=True, status=PaymentStatus.DECLINED).exclude(pk=payment.pk)
    earlier = before.order_by("settled_at").values_list("settled_at", flat=True)
    tried = [*(settled_at for settled_at in earlier if settled_at), at]
    invoice.collect_at = next_try(tried, payment.decline_code, settings.DUNNING_RETRY_DAYS)
    invoice.save(update_fields=["collect_at"])
    OverdueStory.objects.begin(payment.customer_id, at)
