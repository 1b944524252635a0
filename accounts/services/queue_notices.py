from collections.abc import Sequence
from datetime import datetime

from accounts.models import Notice
from accounts.notices import NoticeDraft


def queue_notices(notices: Sequence[NoticeDraft], *, at: datetime) -> None:
    """Put messages into the outbox, in the caller's transaction. A key queued before is left as it was.

    A message without any address is dropped: nobody could ever get it.
    """
    rows = [
        Notice(
            key=draft.key,
            customer_id=draft.customer_id,
            template=draft.template,
            to=draft.to,
            context=draft.context,
            created_at=at,
        )
        for draft in notices
        if draft.to
    ]
    Notice.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1_000)
