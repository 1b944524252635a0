"""Say what can be priced: a meter, with filters on its dimensions where not all of it is meant."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.models import User
from usage import measuring, storage
from usage.exceptions import FeatureExistsError, InvalidFeatureError
from usage.models import Feature, Meter


def define_feature(
    *,
    key: str,
    name: str,
    meter: Meter | None,
    unit: str = "unit",
    unit_plural: str = "units",
    filters: Mapping[str, Sequence[str]] | None = None,
    at: datetime,
    actor: User | None,
) -> Feature:
    """A feature, with its hours rebuilt from the events that are stored already. `meter` None: static, never used.

    `filters`: dimension → the values it may have, as text. Defining the same one again returns it. Raises
    InvalidFeatureError for a filter on what is no dimension of the meter or that allows nothing, FeatureExistsError
    where the key selects something else already.
    """
    wanted = {dimension: sorted({str(value) for value in allowed}) for dimension, allowed in (filters or {}).items()}
    _check(key, meter, wanted)
    with transaction.atomic():
        storage.lock_catalogue()
        known = Feature.objects.filter(key=key).first()
        if known is not None:
            if known.meter_id != (meter and meter.pk) or known.filters != wanted:
                raise FeatureExistsError(f"feature {key} is defined otherwise")
            return known
        feature = Feature.objects.create(
            key=key, name=name, meter=meter, unit=unit, unit_plural=unit_plural, filters=wanted
        )
        hours = measuring.rebuild_hours(feature.pk, at=at)
        record(
            at=at,
            actor=actor,
            customer_id=None,
            action="define_feature",
            subject=f"feature:{feature.pk}",
            after={"key": key, "meter": meter and meter.key, "filters": wanted, "hours": hours},
        )
        return feature


def _check(key: str, meter: Meter | None, filters: Mapping[str, Sequence[str]]) -> None:
    if not key:
        raise InvalidFeatureError("no key", message=gettext("A feature needs a key."))
    if filters and meter is None:
        raise InvalidFeatureError(
            "filters without a meter", message=gettext("A feature without a meter has no filters.")
        )
    for dimension, allowed in filters.items():
        if meter is not None and dimension not in meter.dimensions:
            raise InvalidFeatureError(
                f"{meter.key} has no dimension {dimension}",
                message=gettext("“%(dimension)s” is no dimension of this meter.") % {"dimension": dimension},
            )
        if not allowed:
            raise InvalidFeatureError(
                f"filter {dimension} allows nothing",
                message=gettext("The filter “%(dimension)s” allows no value.") % {"dimension": dimension},
            )
