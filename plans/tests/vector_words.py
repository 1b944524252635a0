"""How a prorated amount of another engine is compared with ours."""

from core.money import round_half_away
from core.periods import Period, fraction
from core.tests.vectors import Answer

SUMS_TO_THE_WHOLE = "parts are rounded cumulatively, so that they sum to the whole"
INSIDE_ITS_PERIOD = "a part lies inside its period, and a period has days"
UTC_DAYS = "fees are shared by UTC days, and the day of a change belongs to the new plan"


def summed(ours: int, amount: int, part: Period, whole: Period, theirs: int) -> Answer:
    """Rounded by itself a share may be a cent away from ours: then it is theirs, and the parts do not sum."""
    alone = round_half_away(amount * fraction(part, whole))
    return Answer(ours, theirs, SUMS_TO_THE_WHOLE if ours != alone == theirs else "")
