"""Call a feature and its units something else; what it selects stays."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from usage.models import Feature

NAMES = ("name", "unit", "unit_plural")


@transaction.atomic
def rename_feature(
    *, feature_id: int, name: str, unit: str, unit_plural: str, at: datetime, actor: User | None
) -> Feature:
    """The feature under its new names; the same ones again change nothing."""
    feature = Feature.objects.select_for_update().get(pk=feature_id)
    before = {field: getattr(feature, field) for field in NAMES}
    after = {"name": name, "unit": unit, "unit_plural": unit_plural}
    if before == after:
        return feature
    for field, value in after.items():
        setattr(feature, field, value)
    feature.save(update_fields=NAMES)
    record(
        at=at,
        actor=actor,
        customer_id=None,
        action="rename_feature",
        subject=f"feature:{feature.pk}",
        before=before,
        after=after,
    )
    return feature
