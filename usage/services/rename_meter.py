"""Call a meter something else; what it measures stays."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from usage.models import Meter


@transaction.atomic
def rename_meter(*, meter_id: int, name: str, at: datetime, actor: User | None) -> Meter:
    """The meter under its new name; the same name again changes nothing."""
    meter = Meter.objects.select_for_update().get(pk=meter_id)
    if meter.name == name:
        return meter
    before, meter.name = meter.name, name
    meter.save(update_fields=["name"])
    record(
        at=at,
        actor=actor,
        customer_id=None,
        action="rename_meter",
        subject=f"meter:{meter.pk}",
        before={"name": before},
        after={"name": name},
    )
    return meter
