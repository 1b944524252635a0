"""Sum days that are over by the dimensions of their meters, once, for whoever explores them."""

from datetime import datetime

from core.periods import Window, midnight, utc_day
from usage import summed_days
from usage.dimensions import Asked
from usage.models import Feature


def sum_days(*, at: datetime, least: int = summed_days.WORTH) -> int:
    """Sum what is over, has `least` events a day or more and was not summed, or was reached by usage since.

    Returns how many days were due. Idempotent; holds no locks and may be stopped at any time: every customer, feature
    and day is a statement of its own, and what is missing is read from the events.
    """
    due = summed_days.due_days(midnight(utc_day(at)), least)
    features = Feature.objects.select_related("meter").in_bulk({one.feature_id for one in due})
    for one in due:
        for day in one.days:
            window = Window(day, day + summed_days.DAY)
            asked = Asked(one.customer_id, features[one.feature_id], window, one.dimension, "day")
            summed_days.sum_days(asked, [day])
    return sum(len(one.days) for one in due)
