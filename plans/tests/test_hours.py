"""However usage is settled – by the hour, after a week, with what came late – it sums to the price of the window."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.periods import Window
from plans.hours import HOUR, Reading, Standing, WindowFacts, settle_window
from plans.pricing import PlanTerms, Tier
from plans.tests.pricing_cases import card

START = datetime(2026, 10, 20, 10, 7, tzinfo=UTC)
WINDOW = Window(START, datetime(2026, 11, 17, tzinfo=UTC))
TIERS = (Tier(Decimal(10), Decimal(1), Decimal(3)), Tier(Decimal(40), Decimal("0.333")), Tier(None, Decimal("0.1")))
PRICES = {
    "unit": card("unit", unit_amount=Decimal("0.333")),
    "free units": card("unit", unit_amount=Decimal("0.333"), free_units=Decimal(12)),
    "graduated": card("graduated", tiers=TIERS),
    "volume": card("volume", tiers=TIERS),
    "package": card("package", unit_amount=Decimal(10), per_units=20),
    "limits": card("unit", unit_amount=Decimal(1), minimum=Decimal(30), maximum=Decimal(50)),
    "discount": card("unit", unit_amount=Decimal("0.777"), discount_percent=Decimal(15)),
}
GROUP = "subscription:7:usage:usage:2026-10-20T10:07:00Z/2026-11-17"


def facts(price, **values):
    terms = PlanTerms(1, "credits", "Credits", 1, "USD", (price,), settlement="credit_only")
    known = {"cut": WINDOW, "planned": WINDOW, "standing": Standing(), "newest": WINDOW.end}
    return WindowFacts(subscription_id=7, terms=terms, card=price, **{**known, **values})


def at_hour(number):
    """The end of the nth hour; the first one of the window is cut."""
    return START.replace(minute=0) + number * HOUR


def readings(quantities, first=1):
    return tuple(Reading(at_hour(number), Decimal(used)) for number, used in enumerate(quantities, first))


def charged(settled):
    return sum(line.amount for one in settled for line in one.lines)


@given(
    price=st.sampled_from(sorted(PRICES)),
    used=st.lists(st.integers(0, 60), min_size=1, max_size=24),
    cuts=st.sets(st.integers(0, 24)),
    late=st.dictionaries(st.integers(0, 24), st.integers(-30, 30)),
)
def test_it_sums_to_the_window_however_often_it_is_settled(price, used, cuts, late):
    """`used`: what the window has come to by each hour, in any order, as averages and corrections make it. `cuts`:
    where a sweep ends. `late`: what arrives for earlier hours just before the sweep at an hour."""
    price, standing, shift, begun, settled = PRICES[price], Standing(), 0, 0, []
    for cut in sorted({*(cut for cut in cuts if 0 < cut < len(used)), len(used)}):
        shift += late.get(cut, 0) if begun else 0
        seen = None
        if begun:
            seen = Reading(at_hour(begun), Decimal(max(used[begun - 1] + shift, 0)))
        hours = readings((max(quantity + shift, 0) for quantity in used[begun:cut]), begun + 1)
        settled.append(settle_window(facts(price, standing=standing, late=seen, hours=hours)))
        standing, begun = settled[-1].standing, cut
    total = max(used[-1] + shift, 0)
    once = facts(price).rated(Decimal(total), Standing(), closed=False)
    assert charged(settled) == once.amount == standing.amount

    closed = settle_window(facts(price, standing=standing, final=Reading(WINDOW.end, Decimal(total))))
    settled.append(closed)
    assert charged(settled) == facts(price).rated(Decimal(total), Standing(), closed=True).total
    assert closed.standing.amount == charged(settled)
    keys = [line.key for one in settled for line in one.lines]
    assert len(keys) == len(set(keys))
    running = 0
    for line in (line for one in settled for line in one.lines):  # nothing is given back that was not charged before
        running += line.amount
        assert running >= 0


def test_an_hour_costs_what_the_window_comes_to_by_then_less_what_is_settled():
    settled = settle_window(facts(PRICES["package"], hours=readings([5, 25, 30])))

    assert [(line.key.removeprefix(GROUP), line.amount, line.ends_at) for line in settled.lines] == [
        (":2026-10-20T11:00:00Z", 1_000, at_hour(1)),
        (":2026-10-20T12:00:00Z", 1_000, at_hour(2)),
    ]
    assert settled.standing == Standing(Decimal(30), 2_000)
    assert {line.settlement for line in settled.lines} == {"credit_only"}
    assert {line.corrects for line in settled.lines} == {GROUP}
    assert [line.starts_at for line in settled.lines] == [START, at_hour(1)]


def test_an_hour_that_makes_the_window_cheaper_gives_back():
    settled = settle_window(facts(PRICES["volume"], hours=readings([10, 11])))

    assert [line.amount for line in settled.lines] == [1_300, 366 - 1_300]
    assert settled.lines[1].corrects == GROUP


def test_late_usage_of_settled_hours_is_charged_at_the_newest_closed_hour():
    standing = Standing(Decimal(10), 333)
    late = Reading(at_hour(3), Decimal(13))
    settled = settle_window(
        facts(PRICES["unit"], standing=standing, late=late, hours=readings([20], 4), newest=at_hour(4))
    )

    assert [(line.key.removeprefix(GROUP), line.title, line.amount, line.ends_at) for line in settled.lines] == [
        (":late:1", "Usage (late usage)", 433 - 333, at_hour(4)),
        (":2026-10-20T14:00:00Z", "Usage", 666 - 433, at_hour(4)),
    ]
    assert settled.standing.number == 1


def test_what_is_looked_at_again_without_late_usage_changes_nothing():
    standing = Standing(Decimal(10), 333, 4)
    settled = settle_window(facts(PRICES["unit"], standing=standing, late=Reading(at_hour(3), Decimal(10))))

    assert not settled.lines
    assert not settled.has_moved


def test_the_minimum_is_charged_when_the_window_closes_and_not_before():
    open_window = settle_window(facts(PRICES["limits"], hours=readings([10])))
    assert charged([open_window]) == 1_000

    final = Reading(WINDOW.end, Decimal(10))
    closed = settle_window(facts(PRICES["limits"], standing=open_window.standing, final=final))
    [line] = closed.lines
    assert (line.key, line.amount, line.corrects) == (f"{GROUP}:minimum", 2_000, GROUP)
    assert closed.standing.amount == 3_000


def test_late_usage_of_a_closed_window_lowers_nothing_below_its_minimum():
    closed = facts(PRICES["limits"], standing=Standing(Decimal(10), 3_000), is_closed=True)

    assert not settle_window(replace(closed, late=Reading(WINDOW.end, Decimal(20)))).lines
    [line] = settle_window(replace(closed, late=Reading(WINDOW.end, Decimal(35)))).lines
    assert line.amount == 500


def test_a_window_cut_short_settles_by_the_days_it_ran():
    """14 of 28 days: half the free units; what the hours had free before is charged with the rest."""
    cut = Window(START, datetime(2026, 11, 3, 15, 30, tzinfo=UTC))
    whole = facts(PRICES["free units"], hours=readings([12]))
    standing = settle_window(whole).standing
    assert standing.amount == 0

    final = Reading(cut.end, Decimal(12))
    [line] = settle_window(facts(PRICES["free units"], cut=cut, standing=standing, final=final)).lines
    assert (line.key, line.amount) == (f"{GROUP}:end", 200)
    assert (line.starts_at, line.ends_at) == (cut.end - timedelta(minutes=30), cut.end)


@pytest.mark.parametrize(("seen", "running"), [(None, 0), (10, 0), (16, 200), (4, 0)])
def test_what_runs_is_what_is_used_and_not_settled(seen, running):
    known = facts(PRICES["unit"], standing=Standing(Decimal(10), 333), seen=None if seen is None else Decimal(seen))
    assert settle_window(known).running == running
