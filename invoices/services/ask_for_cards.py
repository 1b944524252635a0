"""Charges are calculated and there is no card to charge: the customer is asked for one before the billing date."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.models import Notice, PaymentMethod, PaymentPolicy
from accounts.selectors import recipients_and_admins
from accounts.services.queue_notices import queue_notices
from core.due import only
from core.periods import utc_day
from invoices.emails import card_missing
from invoices.models import Collection, Invoice, InvoiceKind, InvoiceStatus
from invoices.spreading import kept_for_drafts

if TYPE_CHECKING:
    from django.db.models import QuerySet

DAY_BEFORE = timedelta(days=1)


@transaction.atomic
def ask_for_cards(*, at: datetime, customer_id: int | None = None) -> int:
    """Queue E12 for each draft that waits for a card: when it is calculated, and once more the day before its billing
    date, by the customer's own clock; how many were queued. Only where the plan requires a card. Billing admins are
    told, too: a recipient may have no log-in to add one with. Again: nothing. With `customer_id` of that customer
    alone."""
    drafts = _drafts(customer_id)
    wanted = {f"invoice:{draft.pk}:card:{number}": (draft, number) for draft in drafts for number in _due(draft, at)}
    if not wanted:
        return 0
    told = set(Notice.objects.filter(key__in=list(wanted)).values_list("key", flat=True))
    untold = [pair for key, pair in wanted.items() if key not in told]
    kept = kept_for_drafts([draft for draft, _number in untold])
    to = recipients_and_admins({draft.customer_id for draft, _number in untold})
    notices = [
        card_missing(draft, number, to[draft.customer_id], kept.get(draft.pk, 0))
        for draft, number in untold
        if draft.total > kept.get(draft.pk, 0)  # else credit notes pay all of it
    ]
    queue_notices(notices, at=at)
    return sum(bool(notice.to) for notice in notices)


def _drafts(customer_id: int | None) -> "QuerySet[Invoice]":
    card = PaymentMethod.objects.live().filter(customer=OuterRef("customer"), is_default=True)
    drafts = Invoice.objects.filter(
        ~Exists(card),
        status=InvoiceStatus.DRAFT,
        kind=InvoiceKind.INVOICE,
        collection=Collection.AUTOMATIC,
        total__gt=0,
        customer__parked_at__isnull=True,
        customer__payment_policy=PaymentPolicy.REQUIRED,
        **only(customer_id),
    )
    return drafts.select_related("customer").order_by("pk")


def _due(draft: Invoice, at: datetime) -> tuple[int, ...]:
    """Which of the two messages its day has come for: who is told late is told once."""
    left = draft.billing_on - utc_day(draft.customer.present(at))
    if left <= timedelta(0):
        return ()
    return (2,) if left <= DAY_BEFORE else (1,)
