"""PURE: the drawings of charts as SVG paths. What they show stands beside them in words and in a table."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

WIDTH, HEIGHT = 640, 160


def bars(values: Sequence[Decimal]) -> str:
    """One bar per value, side by side over the whole width, the greatest as high as the drawing.

    Something is never drawn as nothing, and what is below zero is not drawn.
    """
    greatest = max(values, default=Decimal(0))
    if greatest <= 0:
        return ""
    slot = Fraction(WIDTH, len(values))
    width = _short(slot * Fraction(4, 5))
    drawn = [
        f"M{_short(slot * place + slot / 10)} {HEIGHT}v-{height}h{width}v{height}z"
        for place, value in enumerate(values)
        if (height := _height(value, greatest))
    ]
    return "".join(drawn)


def _height(value: Decimal, greatest: Decimal) -> int:
    return max(1, round(Fraction(value) / Fraction(greatest) * HEIGHT)) if value > 0 else 0


def _short(length: Fraction) -> str:
    whole, tenths = divmod(round(length * 10), 10)
    return f"{whole}.{tenths}" if tenths else str(whole)


# --- one line that only rises, over time ------------------------------------------------------------------------------
LINE_HEIGHT = 184  # of the line's drawing: as wide as the bars', and never scaled in its height
ROUND = (1, 2, 4, 5, 6, 8, 10)

Place = tuple[Fraction, Fraction]  # shares of width and height, from the left and from the bottom


def round_top(greatest: int) -> int:
    """The round number above the greatest value, with a tenth of room, whose half is round as well."""
    wanted = max(greatest * 11, 10)
    tenth: int = 10 ** (len(str(wanted)) - 1)
    return next(each * tenth for each in ROUND if each * tenth >= wanted) // 10


def line(places: Sequence[Place]) -> str:
    """Straight from place to place."""
    return "M" + "L".join(_spot(place) for place in places) if places else ""


def area(above: Sequence[Place], below: Sequence[Place] = ()) -> str:
    """What lies between two lines; without the lower one, down to the ground."""
    if not above:
        return ""
    ground = [(above[0][0], Fraction(0)), (above[-1][0], Fraction(0))]
    return line([*above, *reversed(below or ground)]) + "z"


def down(share: Fraction) -> str:
    """A share of the height, from the bottom, as units from the top of the line's drawing."""
    return _short((1 - share) * LINE_HEIGHT)


def across(share: Fraction) -> str:
    """A share of the width in percent: for what must not be stretched with the drawing."""
    return f"{_short(share * 100)}%"


def _spot(place: Place) -> str:
    return f"{_short(place[0] * WIDTH)} {down(place[1])}"
