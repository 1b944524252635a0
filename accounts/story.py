"""The messages of a customer, for the story of their account."""

from datetime import datetime

from django.db.models.functions import Coalesce
from django.utils.translation import gettext

from accounts.mail import subject_of
from accounts.models import Notice
from core.story import Event


def told(customer_id: int, since: datetime, limit: int) -> list[Event]:
    """The newest messages since an instant of the customer's present, by their subjects. One query."""
    rows = Notice.objects.filter(customer=customer_id).annotate(at=Coalesce("sent_at", "created_at"))
    newest = rows.filter(at__gte=since).select_related("customer__billing_profile").order_by("-at", "-pk")[:limit]
    return [
        Event(
            row.at,
            (gettext("Message sent: “%(subject)s”") if row.sent_at else gettext("Message waiting: “%(subject)s”"))
            % {"subject": subject_of(row)},
            f"notice:{row.pk}",
        )
        for row in newest
    ]
