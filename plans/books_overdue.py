"""No consequence without a warning: each one carried out has a delivered message that named it, old enough."""

from collections.abc import Iterator

from django.conf import settings

from core.books import Finding
from plans.models import CarriedOutConsequence


def check() -> Iterator[Finding]:
    """Every consequence that was not warned of in time, or with a message about something else."""
    rows = CarriedOutConsequence.objects.select_related("warning").order_by("pk")
    for row in rows.iterator():
        named = row.warning.context.get("consequence")
        if row.warning.customer_id != row.customer_id or named != row.kind:
            detail = f"{row.warning.key} names {named}, carried out was {row.kind}"
            yield Finding("a consequence was warned of", f"invoice:{row.overdue_id}", detail)
        elif row.warning.sent_at is None or row.warning.sent_at + settings.DUNNING_PATIENCE > row.at:
            detail = f"warned {row.warning.sent_at}, carried out {row.at}"
            yield Finding("a consequence follows a delivered warning in time", f"invoice:{row.overdue_id}", detail)
