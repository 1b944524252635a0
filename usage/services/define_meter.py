"""Say how events of one type become a quantity."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.models import User
from usage import storage
from usage.aggregation import RULES
from usage.exceptions import InvalidMeterError, MeterExistsError
from usage.models import Meter
from usage.paths import PathError, keys


def define_meter(
    *,
    key: str,
    name: str,
    event_type: str,
    aggregation: str,
    value_path: str = "",
    dimensions: Mapping[str, str] | None = None,
    at: datetime,
    actor: User | None,
) -> Meter:
    """A meter, from now on listened to. Defining the same one again returns it.

    `dimensions`: name → path. Raises InvalidMeterError where aggregation and paths do not fit, MeterExistsError
    where the key measures something else already: quantities that were billed do not change their meaning.
    """
    values = {
        "event_type": event_type,
        "aggregation": aggregation,
        "value_path": value_path,
        "dimensions": dict(dimensions or {}),
    }
    _check(key, event_type, aggregation, value_path, dimensions or {})
    with transaction.atomic():
        storage.lock_catalogue()
        known = Meter.objects.filter(key=key).first()
        if known is None:
            meter = Meter.objects.create(key=key, name=name, **values)
            record(
                at=at, actor=actor, customer_id=None, action="define_meter", subject=f"meter:{meter.pk}", after=values
            )
            return meter
        if any(getattr(known, field) != value for field, value in values.items()):
            raise MeterExistsError(f"meter {key} is defined otherwise")
        return known


def _check(key: str, event_type: str, aggregation: str, value_path: str, dimensions: Mapping[str, str]) -> None:
    if not key or not event_type:
        raise InvalidMeterError(
            "key and event type are required", message=gettext("A meter needs a key and an event type.")
        )
    if aggregation not in RULES:
        raise InvalidMeterError(
            f"unknown aggregation {aggregation!r}",
            message=gettext("“%(aggregation)s” is no aggregation.") % {"aggregation": aggregation},
        )
    needs_value = RULES[aggregation].needs_value
    if needs_value != bool(value_path):
        raise InvalidMeterError(
            f"{aggregation} with value path {value_path!r}",
            message=(
                gettext("“%(aggregation)s” needs value path.")
                if needs_value
                else gettext("“%(aggregation)s” has no value path.")
            )
            % {"aggregation": aggregation},
        )
    try:
        for path in [value_path, *dimensions.values()] if value_path else dimensions.values():
            keys(path)
    except PathError as error:
        raise InvalidMeterError(
            str(error), message=gettext("A path must look like $.tokens: %(error)s.") % {"error": error}
        ) from error
