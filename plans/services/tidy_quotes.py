"""Forget figures that were only looked at. No books change, so there is no audit entry."""

from datetime import datetime, timedelta

from plans.models import ChangeQuote

KEPT_UNCONFIRMED = timedelta(days=30)  # after their end; whoever confirms later is shown fresh figures, as before


def tidy_quotes(*, at: datetime) -> int:
    """Delete quotes that nobody has confirmed and that ran out long ago; how many that were. Again: none."""
    looked_at = ChangeQuote.objects.filter(accepted_at=None, completed_at=None, invoice=None, opened=None)
    deleted, _each = looked_at.filter(expires_at__lt=at - KEPT_UNCONFIRMED).delete()
    return deleted
