from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from accounts.services.lock_customers import lock_customers
from credits.charges import OpenDraft
from credits.models import OpenCharge

FIELDS = ("customer_id", "currency", "feature_key", "amount", "may_overdraw")


@transaction.atomic
def set_open_charges(*, scopes: Mapping[str, Sequence[OpenDraft]], at: datetime) -> None:
    """Replace the open charges of each scope; a scope without drafts has none any more.

    Drafts of zero are none. Nothing is written where nothing changed. Charges that settle themselves belong to no
    scope and stay.
    """
    wanted = {draft.key: (scope, draft) for scope, drafts in scopes.items() for draft in drafts if draft.amount > 0}
    rows = OpenCharge.objects.filter(scope__in=scopes, settles_at__isnull=True)
    owners = {draft.customer_id for _, draft in wanted.values()}
    lock_customers(owners.union(rows.values_list("customer_id", flat=True)))
    known = {row.key: row for row in rows}
    if gone := known.keys() - wanted.keys():
        OpenCharge.objects.filter(key__in=gone).delete()
    changed = [
        OpenCharge(
            key=key, scope=scope, updated_at=at, customer_id=draft.customer_id, currency=draft.currency,
            feature_key=draft.feature_key, amount=draft.amount, may_overdraw=draft.may_overdraw,
        )
        for key, (scope, draft) in wanted.items()
        if not _is_as(known.get(key), draft)
    ]  # fmt: skip
    if changed:
        OpenCharge.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=["key"], update_fields=["scope", "updated_at", *FIELDS]
        )


def _is_as(row: OpenCharge | None, draft: OpenDraft) -> bool:
    return row is not None and all(getattr(row, name) == getattr(draft, name) for name in FIELDS)
