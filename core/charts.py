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
