"""When the card is tried again after a collection that gave nothing: on the invoice, where every collection waits."""

from datetime import datetime

from django.conf import settings

from invoices.checking import next_check
from invoices.dunning import next_try
from invoices.models import InvoiceStatus, OverdueStory, Payment, PaymentStatus

MOST_LOST = 11  # tries without an answer: four within the first hours, then a week of them, one a day


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


def collect_again(payment: Payment, at: datetime) -> None:
    """After an automatic payment whose processor was not reached, or never answered and charged nothing: at once, then
    after 1 min, 5 min, 1 h, and daily for a week; then no more, and reminders ask for it. The caller holds the
    customer's lock."""
    invoice = payment.invoice
    if invoice.status == InvoiceStatus.OPEN:
        lost = invoice.payments.filter(automatic=True, status=PaymentStatus.CANCELED).exclude(pk=payment.pk).count()
        again = next_check(lost - 1, at) if lost else at
        invoice.collect_at = again if lost < MOST_LOST else None
        invoice.save(update_fields=["collect_at"])
