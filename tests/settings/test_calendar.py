from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import ValidationError

from pipeline.sources.configuration import FullConfig

SUNDAY = date(2011, 10, 2)


def test_a_day_so_far_learns_what_the_night_before_learned() -> None:
    config = FullConfig()
    for day in (SUNDAY, SUNDAY + timedelta(days=1), SUNDAY + timedelta(days=6)):
        now = config.so_far(datetime(day.year, day.month, day.day, 14, tzinfo=UTC))
        before = day - timedelta(days=1)
        assert (now.anchor(day), now.tuned_at(day)) == (config.anchor(before), config.tuned_at(before))
        assert now.label_cutoffs(day) == config.label_cutoffs(before)
        assert now.folds(day) == config.folds(before) | {"publish": day}
        assert now.anchor(before) == config.anchor(before)


def test_a_day_so_far_is_for_its_own_day_and_a_night_for_the_next() -> None:
    config = FullConfig()
    assert config.valid_on(SUNDAY) == SUNDAY + timedelta(days=1)
    now = config.so_far(datetime(2011, 10, 2, 14, tzinfo=UTC))
    assert now.valid_on(SUNDAY) == SUNDAY
    assert now.valid_on(SUNDAY - timedelta(days=7)) == SUNDAY - timedelta(days=6)
    assert now.lake != config.lake
    assert (now.home, now.lake_of_nights, config.until) == (config.home, config.lake, None)


def test_times_of_the_day_are_sorted_and_checked() -> None:
    assert FullConfig(run_at=("18:00", "08:30", "18:00")).run_at == ("08:30", "18:00")
    for wrong in ("8:00", "24:00", "00:00", "noon"):
        with pytest.raises(ValidationError, match="is no time of the day"):
            FullConfig(run_at=(wrong,))
