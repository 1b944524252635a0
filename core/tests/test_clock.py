from datetime import UTC, datetime

import pytest

from core import clock


def test_now_is_the_instant_travelled_to_and_comes_back():
    there = datetime(2026, 12, 17, 1, tzinfo=UTC)
    with clock.travel_to(there):
        assert clock.now() == there
        with clock.travel_to(datetime(2027, 1, 1, tzinfo=UTC)):
            assert clock.now().year == 2027
        assert clock.now() == there
    assert clock.now() > datetime(2020, 1, 1, tzinfo=UTC)
    assert clock.now() != there


def test_travelling_needs_a_time_zone():
    with pytest.raises(ValueError, match="time zone"), clock.travel_to(datetime(2026, 1, 1)):  # noqa: DTZ001
        pass


def test_it_reads_a_clock_that_several_processes_share_and_comes_back():
    shared = datetime(2031, 5, 1, tzinfo=UTC)
    clock.use(lambda: shared)
    try:
        assert clock.now() == shared
        with clock.travel_to(datetime(2026, 12, 17, 1, tzinfo=UTC)):
            assert clock.now().year == 2026
    finally:
        clock.use(None)
    assert clock.now() != shared
