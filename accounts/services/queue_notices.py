from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import MutedMail, Notice
from accounts.notices import NoticeDraft
from core.any_of import any_of
from core.bulk import copy_values

MANY = 50  # from here on a copy is cheaper than an insert
COLUMNS = ("key", "customer_id", "template", "to", "context", "documents", "created_at", "attempts", "last_error")


def queue_notices(notices: Sequence[NoticeDraft], *, at: datetime) -> None:
    """Put messages into the outbox, in the caller's transaction. A key queued before is left as it was.

    A message without any address is dropped: nobody could ever get it. So is one that its customer switched off.
    """
    drafts = _wanted([draft for draft in notices if draft.to])
    if len(drafts) < MANY or not _copied(drafts, at):
        Notice.objects.bulk_create([_row(draft, at) for draft in drafts], ignore_conflicts=True, batch_size=1_000)


def _wanted(drafts: list[NoticeDraft]) -> list[NoticeDraft]:
    """Asks the database only where one of them is optional."""
    optional = {draft.customer_id for draft in drafts if draft.optional and draft.customer_id is not None}
    if not optional:
        return drafts
    muted = set(MutedMail.objects.filter(any_of("customer_id", optional)).values_list("customer_id", "kind"))
    return [draft for draft in drafts if (draft.customer_id, draft.optional) not in muted]


def _copied(drafts: Sequence[NoticeDraft], at: datetime) -> bool:
    """Whether all of them are new, and stored; nothing is stored where one is not."""
    try:
        with transaction.atomic():
            copy_values(
                Notice,
                COLUMNS,
                ((d.key, d.customer_id, d.template, d.to, d.context, d.documents, at, 0, "") for d in drafts),
            )
    except IntegrityError:
        return False
    return True


def _row(draft: NoticeDraft, at: datetime) -> Notice:
    return Notice(
        key=draft.key,
        customer_id=draft.customer_id,
        template=draft.template,
        to=draft.to,
        context=draft.context,
        documents=draft.documents,
        created_at=at,
    )
