"""Whether users come back to an item, learned from the log."""

from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.features import read
from tests.features.made_up import NIGHT, Event, build, config_at, event, number, write_lake


def log_of(again: int) -> list[Event]:
    """600 users with an item each, long ago; `again` of them came back to it a week later."""
    day = number(NIGHT) - 60
    events = [event(n, f"u{n}", f"i{n % 40}", day) for n in range(600)]
    return events + [event(1000 + n, f"u{n}", f"i{n % 40}", day + 7) for n in range(again)]


@pytest.mark.parametrize(("again", "repeats"), [(0, False), (11, False), (12, True), (300, True)])
@pytest.mark.few(2)
def test_two_in_a_hundred_who_come_back_are_enough(tmp_path: Path, again: int, repeats: bool) -> None:
    config = config_at(tmp_path)
    write_lake(config, log_of(again), until=NIGHT)
    assert read.read_cutoffs(build(config))[0].repeats is repeats


def test_a_young_log_cannot_tell(tmp_path: Path) -> None:
    config = config_at(tmp_path)
    events = [event(n, f"u{n}", f"i{n % 40}", number(NIGHT - timedelta(days=1))) for n in range(600)]
    write_lake(config, events, until=NIGHT)
    assert all(cutoff.repeats for cutoff in read.read_cutoffs(build(config)))


@pytest.mark.parametrize(("said", "again"), [("yes", 0), ("no", 300)])
def test_who_knows_says_so(tmp_path: Path, said: str, again: int) -> None:
    config = config_at(tmp_path)
    section = config.features.model_copy(update={"repeats": said})
    config = config.model_copy(update={"features": section})
    write_lake(config, log_of(again), until=NIGHT)
    assert {cutoff.repeats for cutoff in read.read_cutoffs(build(config))} == {said == "yes"}
