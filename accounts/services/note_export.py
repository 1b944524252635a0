from collections.abc import Mapping, Sequence
from datetime import datetime

from accounts.audit import record
from accounts.models import AuditEntry, Customer, User


def note_export(
    *, what: str, filters: Mapping[str, Sequence[str]], customer: Customer | None, at: datetime, actor: User
) -> AuditEntry:
    """Write down who takes which rows away as a file: `what` is the list's name, `filters` its query. Each download is
    one entry."""
    return record(
        at=at,
        actor=actor,
        customer_id=customer.pk if customer else None,
        action="export_list",
        subject=f"list:{what}",
        after={"filters": {name: list(values) for name, values in filters.items()}},
    )
