"""What is forgotten each night. How long everything else is kept, and why, is in docs/operations.md."""

from datetime import datetime

from django.contrib.sessions.models import Session

from billing_portal.models import Run
from plans.services.tidy_quotes import tidy_quotes


def tidy(*, at: datetime) -> int:
    """Sessions that are over, what the jobs of each minute did long ago, and quotes that nobody has confirmed; how many
    rows that were."""
    sessions, _ = Session.objects.filter(expire_date__lt=at).delete()
    return sessions + Run.objects.tidy(at) + tidy_quotes(at=at)
