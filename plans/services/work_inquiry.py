"""Staff work on a request to sales: status, owner, next step, and a note."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.services.lock_customers import lock_customers
from plans.exceptions import InquiryMovedError, LostWithoutNoteError
from plans.models import InquiryStatus, SalesInquiry

FIELDS = ("status", "owner_id", "next_step", "next_on")


@transaction.atomic
def work_inquiry(
    *, inquiry_id: int, values: Mapping[str, Any], note: str, key: str, seen: str, at: datetime, actor: User
) -> SalesInquiry:
    """Write down where a request stands; the note is the reason of its audit entry, which nobody can change.

    `values`: status, owner_id, next_step, next_on. `key` is the form's: twice is once. `seen` is the key that wrote
    last when the form was shown. Nothing new and no note: nothing is written. Raises InquiryMovedError,
    LostWithoutNoteError.
    """
    customer_id = SalesInquiry.objects.values_list("customer_id", flat=True).get(pk=inquiry_id)
    lock_customers([customer_id])
    inquiry = SalesInquiry.objects.get(pk=inquiry_id)
    if inquiry.worked_key == key:
        return inquiry
    if inquiry.worked_key != seen:
        raise InquiryMovedError(f"{inquiry.reference} was written by {inquiry.worked_key}, not {seen}")
    changed = {name: values[name] for name in FIELDS if values[name] != getattr(inquiry, name)}
    if changed.get("status") == InquiryStatus.LOST and not note:
        raise LostWithoutNoteError(f"{inquiry.reference} is given up without a word")
    if not changed and not note:
        return inquiry
    before = {name: _plain(getattr(inquiry, name)) for name in changed}
    _store(inquiry, changed, key, at)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="work_inquiry",
        subject=inquiry.subject,
        before=before,
        after={name: _plain(value) for name, value in changed.items()},
        reason=note,
    )
    return inquiry


def _store(inquiry: SalesInquiry, changed: Mapping[str, Any], key: str, at: datetime) -> None:
    for name, value in changed.items():
        setattr(inquiry, name, value)
    if "status" in changed:
        inquiry.status_at = at
    inquiry.worked_key = key
    inquiry.save(update_fields=[*changed, "status_at", "worked_key"])


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
