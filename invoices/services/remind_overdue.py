"""Dunning's messages: a reminder, or the final warning that names what the customer's plan says."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.audit import record
from accounts.figures import written
from accounts.models import User
from accounts.notices import NoticeDraft
from accounts.selectors import recipients_and_admins
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from core.language import in_english
from invoices.dunning import Dunning, NamedConsequence
from invoices.emails import Declined, final_warning, reminder
from invoices.models import Invoice, OverdueStory
from invoices.overdue import NO_CONSEQUENCE, dunning_of, last_declined, lost_tries


@transaction.atomic
def remind_overdue(
    *,
    customer_ids: Collection[int],
    at: datetime,
    consequences: Mapping[int, NamedConsequence],
    actor: User | None = None,
) -> list[NoticeDraft]:
    """Queue what is due to be told to these customers, at most one message each; the messages queued.

    `consequences`: what follows by the customers' plans; who is not named is reminded and nothing follows. A customer
    with a payment without an outcome hears nothing, nor does one with nobody to write to. Asking again tells nobody
    twice.
    """
    customers = lock_customers(customer_ids)
    lost_tries(customers, at).update(collect_at=None)
    stands = dunning_of(dict.fromkeys(customers, at), consequences)
    due = {customer_id: own for customer_id, own in stands.items() if own.tells}
    to = recipients_and_admins(due)
    late = Invoice.objects.select_related("seller").in_bulk([pk for own in due.values() for pk in own.late])
    declined = last_declined(late)
    notices = [
        _notice(own, late, declined, consequences.get(customer_id, NO_CONSEQUENCE), to[customer_id])
        for customer_id, own in due.items()
        if to[customer_id]
    ]
    queue_notices(notices, at=at)
    for notice in notices:
        _remember(notice, at, actor)
    return notices


def _notice(
    own: Dunning, invoices: Mapping[int, Invoice], declined: Declined, consequence: NamedConsequence, to: list[str]
) -> NoticeDraft:
    late = [invoices[pk] for pk in own.late]
    if own.due is not None and own.due.kind == "final":
        return final_warning(own, late, declined, consequence, to)
    return reminder(own, late, declined, to)


@in_english
def _remember(notice: NoticeDraft, at: datetime, actor: User | None) -> None:
    if notice.customer_id is None:
        return
    OverdueStory.objects.begin(notice.customer_id, at)
    facts = ("amount", "consequence", "earliest")
    told: dict[str, Any] = written({name: notice.context[name] for name in facts if name in notice.context})
    record(
        at=at,
        actor=actor,
        customer_id=notice.customer_id,
        action="remind_overdue",
        subject=notice.key.partition(":dunning")[0],
        after={"message": notice.key, **told},
    )
