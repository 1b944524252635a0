"""Nothing is overdue any more: the customer is thanked, once a story."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from accounts.selectors import recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from invoices.emails import up_to_date
from invoices.models import Invoice, InvoiceStatus, OverdueStory
from invoices.overdue import stories_over


@transaction.atomic
def thank_recovered(*, story_ids: Collection[int], at: datetime) -> int:
    """End these stories where nothing of their customers is overdue; how many ended now.

    Thanked is who has paid something since the story began, not whose invoices were only voided or written off.
    Asking again changes nothing.
    """
    stories = OverdueStory.objects.open().filter(pk__in=list(story_ids)).select_related("customer")
    customers = lock_customers(stories.values_list("customer_id", flat=True))
    over = {due.id for customer_id in customers for due in stories_over(at, customer_id)}
    ended = [story for story in stories.order_by("pk") if story.pk in over]
    to = recipients({story.customer_id for story in ended})
    queue_notices(
        [up_to_date(story, story.customer, to[story.customer_id]) for story in ended if _has_paid(story)], at=at
    )
    OverdueStory.objects.filter(pk__in=[story.pk for story in ended]).update(ended_at=at)
    return len(ended)


def _has_paid(story: OverdueStory) -> bool:
    paid = Invoice.objects.filter(customer_id=story.customer_id, status=InvoiceStatus.PAID)
    return paid.filter(paid_at__gte=story.began_at).exists()
