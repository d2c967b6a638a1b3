"""Whether hours of activity fit a zone: a day that is known, seen by several clocks."""

import pytest

from pipeline.operations.checking import clock

DAY = [0] * 8 + [10, 40, 80, 100, 90, 90, 100, 110, 120, 130, 120, 90, 60, 30, 10, 0]  # by the shop's own clock


@pytest.mark.parametrize(
    ("ahead", "expected"), [(0, None), (2, None), (-5, None), (9, 9), (10, 10), (-10, -10), (12, 12)]
)
def test_only_a_clock_at_which_people_act_by_night_is_said(ahead: int, expected: int | None) -> None:
    seen = [DAY[(hour + ahead) % 24] for hour in range(24)]  # by a clock that is so many hours behind
    middle, suggests = clock.rhythm(seen)
    assert middle == pytest.approx((15 - ahead) % 24, abs=1)
    assert suggests == (None if expected is None else pytest.approx(expected, abs=1))


def test_without_a_rhythm_or_with_few_events_nothing_is_said() -> None:
    assert clock.rhythm([100] * 24) == (None, None)
    assert clock.rhythm([0, 900, *[0] * 22]) == (None, None)
    assert clock.rhythm([0] * 24) == (None, None)
