"""Who did what, when, and what it was before: one entry per verb, appended only."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from accounts.models import AuditEntry, User
from core.bulk import copy_values

Values = Mapping[str, Any]
NOTHING: Values = {}


def audit(
    *,
    at: datetime,
    actor: User | None,
    customer_id: int | None,
    action: str,
    subject: str,
    before: Values | None = None,
    after: Values | None = None,
    reason: str = "",
) -> AuditEntry:
    """An unsaved entry.

    `action` is the verb's name, `subject` what it was done to (`invoice:7`), `before` and `after` JSON values of
    the fields that changed. An `actor` of None is the run itself.
    """
    return AuditEntry(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action=action,
        subject=subject,
        before=dict(before or {}),
        after=dict(after or {}),
        reason=reason,
    )


def record(
    *,
    at: datetime,
    actor: User | None,
    customer_id: int | None,
    action: str,
    subject: str,
    before: Values | None = None,
    after: Values | None = None,
    reason: str = "",
) -> AuditEntry:
    """The same, saved: for verbs about one thing."""
    entry = audit(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action=action,
        subject=subject,
        before=before,
        after=after,
        reason=reason,
    )
    entry.save(force_insert=True)
    return entry


COLUMNS = ("at", "actor_id", "customer_id", "action", "subject", "before", "after", "reason")


def record_all(
    *, at: datetime, actor: User | None, action: str, entries: Iterable[tuple[int | None, str, Values, Values]]
) -> None:
    """One entry per (customer id, subject, before, after) of a batch; no instances are made."""
    actor_id = actor.pk if actor else None
    copy_values(
        AuditEntry,
        COLUMNS,
        (
            (at, actor_id, customer_id, action, subject, before, after, "")
            for customer_id, subject, before, after in entries
        ),
    )
