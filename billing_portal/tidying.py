"""What is forgotten each night. How long everything else is kept, and why, is in docs/operations.md."""

from datetime import datetime

from django.contrib.sessions.models import Session

from billing_portal.models import Run


def tidy(*, at: datetime) -> int:
    """Sessions that are over, and what the jobs of each minute did long ago; how many rows that were."""
    sessions, _ = Session.objects.filter(expire_date__lt=at).delete()
    return sessions + Run.objects.tidy(at)
