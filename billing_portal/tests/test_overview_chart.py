"""Where the words of the chart stand."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.template.loader import render_to_string

from billing_portal.pages.overview_chart import ABOVE, BELOW, Chart
from core.periods import Window
from plans.selectors.projecting import Course, Point, Projection

START = datetime(2026, 11, 17, tzinfo=UTC)
WINDOW = Window(START, datetime(2026, 12, 17, tzinfo=UTC))
DAY = timedelta(days=1)


def chart(*amounts, budget=None, projected=None, billing_on=date(2026, 12, 20), used_up=()):
    points = tuple(Point(START + number * DAY, amount) for number, amount in enumerate(amounts))
    ahead = Projection(*projected, days=7) if projected else None
    return Chart(Course(WINDOW, points, used_up), ahead, "USD", budget, billing_on)


def test_the_height_ends_above_everything_that_is_drawn():
    drawn = chart(4_900, 5_000, projected=(8_000, 7_000, 9_000), budget=15_000)
    assert [tick.text for tick in drawn.ticks] == ["$0.00", "$100.00", "$200.00"]


def test_the_calculation_stands_where_it_is_and_the_billing_date_at_the_end():
    drawn = chart(0, 3_300)
    assert (drawn.calculated.x, drawn.last_day) == ("90.9%", date(2026, 12, 20))
    assert drawn.now.x == "3%"
    without = chart(0, 3_300, billing_on=None)
    assert (without.calculated, without.last_day) == (None, date(2026, 12, 16))


def test_the_tick_gives_way_to_the_budget():
    assert [tick.text for tick in chart(0, 5_000, budget=10_000).ticks] == ["$0.00", "", "$200.00"]


def test_the_tick_gives_way_to_the_last_point_in_the_first_days():
    assert [tick.text for tick in chart(0, 222).ticks] == ["$0.00", "", "$4.00"]
    assert [tick.text for tick in chart(0, 260).ticks] == ["$0.00", "$2.00", "$4.00"]  # above it
    assert [tick.text for tick in chart(*range(0, 222, 15), 222).ticks] == ["$0.00", "$2.00", "$4.00"]  # right of it


@pytest.mark.parametrize(
    ("amounts", "shift"),
    [
        ((0, 8_000), BELOW),  # at the left there is no room above the line
        ((*range(0, 12_000, 800), 14_000), ABOVE),
        ((*range(0, 7_500, 500), 9_300), BELOW),  # above is the tick of $100.00
        ((*range(15), 15), ABOVE),  # below is the ground
    ],
)
def test_its_label_stands_where_no_other_is(amounts, shift):
    assert chart(*amounts, budget=18_000).now_shift == shift


def test_it_is_told_when_included_units_were_used_up():
    drawn = chart(0, 100, 200, used_up=(("AI tokens", START + 2 * DAY),))
    assert drawn.notes == ["AI tokens: the included units were used up on 18 Nov 2026."]
    [mark] = drawn.marks
    assert (mark.x, mark.text) == ("6.1%", "AI tokens")


def test_a_range_is_said_and_drawn_where_there_is_one():
    drawn = chart(100, 200, projected=(3_000, 2_000, 4_000))
    assert "$30.00 projected by 16 Dec 2026, between $20.00 and $40.00" in drawn.summary
    assert drawn.band
    certain = chart(100, 200, projected=(3_000, 3_000, 3_000))
    assert certain.summary == "$2.00 so far on 18 Nov 2026; $30.00 projected by 16 Dec 2026."
    assert not certain.band


def test_a_credit_note_does_not_leave_the_drawing():
    assert chart(0, -500).line.endswith(" 184")


def test_the_drawing_of_the_longest_window_stays_small():
    window = Window(START + 30 * DAY, START + 61 * DAY)
    instants = [window.start, *(window.start + number * DAY for number in range(1, 31)), window.end - DAY / 24]
    points = tuple(Point(at, 1_234_567 + number * 98_765) for number, at in enumerate(instants))
    used_up = tuple((f"A price with a long name {number}", instants[9 + number]) for number in range(5))
    ahead = Projection(9_876_543, 8_765_432, 10_987_654, days=28)
    drawn = Chart(Course(window, points, used_up), ahead, "USD", 9_000_000, date(2027, 1, 20))
    html = render_to_string("billing_portal/_chart.html", {"chart": drawn})
    svg = html[html.index("<svg") : html.rindex("</svg>")]
    assert len(svg.encode()) <= 6 * 1024
    assert drawn.line.count("L") == 31  # from the start, to the end of every day
