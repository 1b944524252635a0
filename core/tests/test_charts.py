"""Drawings as numbers: what is drawn where."""

from fractions import Fraction

import pytest

from core.charts import LINE_HEIGHT, across, area, down, line, round_top

HALF, WHOLE, NOTHING = Fraction(1, 2), Fraction(1), Fraction(0)


@pytest.mark.parametrize(
    ("greatest", "top"), [(0, 1), (5, 6), (90, 100), (91, 200), (4_900, 6_000), (5_880, 8_000), (123_456, 200_000)]
)
def test_it_ends_at_a_round_number_with_room_above(greatest, top):
    assert round_top(greatest) == top
    assert greatest * 11 <= top * 10


def test_it_goes_from_place_to_place():
    assert line([(NOTHING, NOTHING), (HALF, HALF), (WHOLE, WHOLE)]) == f"M0 {LINE_HEIGHT}L320 {LINE_HEIGHT // 2}L640 0"


def test_an_area_stands_on_the_ground_or_on_another_line():
    above = [(NOTHING, HALF), (WHOLE, WHOLE)]
    assert area(above) == f"M0 {LINE_HEIGHT // 2}L640 0L640 {LINE_HEIGHT}L0 {LINE_HEIGHT}z"
    assert area(above, [(NOTHING, HALF), (WHOLE, HALF)]).endswith(f"L640 {LINE_HEIGHT // 2}L0 {LINE_HEIGHT // 2}z")


def test_nothing_is_drawn_of_nothing():
    assert (line([]), area([])) == ("", "")


def test_places_of_words_are_not_stretched():
    assert (across(Fraction(1, 3)), down(WHOLE), down(NOTHING)) == ("33.3%", "0", str(LINE_HEIGHT))
