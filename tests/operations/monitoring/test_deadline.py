"""Which tables are to be valid when, by the shop's clock, and what is said where they are not."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipeline.__main__ import main
from pipeline.ground.errors import InputError, LateError, UnavailableError
from pipeline.operations.monitoring import deadline
from pipeline.publication import publish
from pipeline.sources.configuration import FullConfig
from tests import small_shop
from tests.small_shop import NIGHT, Shop

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("now", "night"),
    [
        ("2025-06-29T05:59", "2025-06-27"),
        ("2025-06-29T06:00", "2025-06-28"),
        ("2025-06-29T23:59", "2025-06-28"),
        ("2025-06-30T00:00", "2025-06-28"),
        ("2025-06-30T05:59", "2025-06-28"),
        ("2025-01-01T06:00", "2024-12-31"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/Los_Angeles"])
def test_until_the_time_of_the_day_the_night_before_is_enough(now: str, night: str, zone: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=ZoneInfo(zone))
    assert deadline.due_night(moment, time(6), zone) == date.fromisoformat(night)
    assert deadline.due_night(moment.astimezone(UTC), time(6), zone) == date.fromisoformat(night)


@pytest.mark.parametrize(
    ("valid_by", "utc"),
    [
        ("06:00", "2025-03-30T04:00"),  # clocks are put forward at one o'clock UTC: six is two hours before UTC's
        ("01:30", "2025-03-30T00:30"),
        ("02:30", "2025-03-30T01:30"),  # there is none: as long after midnight as ever
        ("06:00", "2025-10-26T05:00"),  # back again
        ("02:30", "2025-10-26T00:30"),  # twice: the first
        ("06:00", "2025-03-29T05:00"),  # the day before, in winter
    ],
)
def test_on_the_days_on_which_clocks_are_changed(valid_by: str, utc: str) -> None:
    moment = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    said, day = time.fromisoformat(valid_by), moment.date()
    assert deadline.due_night(moment, said, "Europe/Berlin") == day - DAY
    assert deadline.due_night(moment - timedelta(seconds=1), said, "Europe/Berlin") == day - 2 * DAY


def published(home: Path, *nights: date, until: str | None = None) -> FullConfig:
    """A home in which nights are published, and a day so far after them."""
    made: Shop | None = None
    for night in nights:
        made = small_shop.shop(home, night=night).write()
        small_shop.go(made)
    assert made is not None
    if until:
        moment = datetime.fromisoformat(until).replace(tzinfo=UTC)
        today = small_shop.shop(home, night=moment.date())
        today.config = today.config.so_far(moment)
        small_shop.go(today.write())
    return made.config.model_copy(
        update={"monitoring": made.config.monitoring.model_copy(update={"valid_by": "06:00"})}
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_tables_are_valid_until_the_next_are_due(tmp_path: Path) -> None:
    config = published(tmp_path, NIGHT)  # 2011-10-02
    for moment in ("2011-10-02T12:00", "2011-10-03T05:59", "2011-10-03T06:00", "2011-10-04T05:59"):
        assert deadline.require(config, at(moment)).startswith("valid: ")
    with pytest.raises(LateError) as error:
        deadline.require(config, at("2011-10-04T06:00"))
    active = publish.active_run(config)
    assert active is not None
    said = f"the tables of 2011-10-03 were to be valid by 06:00 in UTC: readers see run {active.run_id}"
    assert str(error.value) == said
    assert deadline.require(config, at("2011-10-04T06:00"), by="09:00")


def test_a_database_that_does_not_answer_is_no_valid_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_DSN", "postgresql://me:hunter22@127.0.0.1:1/shop")
    config = FullConfig.model_validate({"home": tmp_path, "publish": {"target": "postgres"}})
    with pytest.raises(UnavailableError) as error:
        deadline.require(config, at("2011-10-04T06:00"), by="06:00")
    assert "hunter22" not in str(error.value)


def test_nothing_is_published_yet(tmp_path: Path) -> None:
    config = small_shop.shop(tmp_path).config
    with pytest.raises(LateError, match="nothing is published"):
        deadline.require(config, at("2011-10-04T06:00"), by="06:00")
    with pytest.raises(InputError, match=r"set monitoring\.valid_by"):
        deadline.require(config, at("2011-10-04T06:00"))
    with pytest.raises(InputError, match="time of the day"):
        deadline.require(config, at("2011-10-04T06:00"), by="6 o'clock")


def test_a_day_so_far_knows_the_nights_before_it_and_not_its_own(tmp_path: Path) -> None:
    config = published(tmp_path, NIGHT, until="2011-10-03T13:00")
    active = publish.active_run(config)
    assert active is not None
    assert active.run_id.startswith("2011-10-03T1300")
    assert deadline.require(config, at("2011-10-03T14:00"))
    assert deadline.require(config, at("2011-10-04T05:59"))
    with pytest.raises(LateError, match="the tables of 2011-10-03 were to be valid"):
        deadline.require(config, at("2011-10-04T06:00"))


def test_a_day_so_far_does_not_stand_for_a_night_that_is_missing(tmp_path: Path) -> None:
    config = published(tmp_path, NIGHT, until="2011-10-02T13:00")
    assert deadline.require(config, at("2011-10-03T06:00")), "the night knows more, and stays"


def test_after_a_rollback_the_run_that_is_there_is_named(tmp_path: Path) -> None:
    config = published(tmp_path, NIGHT - DAY, NIGHT)
    newer = publish.active_run(config)
    publish.rollback(config)
    assert newer is not None
    with pytest.raises(
        LateError, match=rf"run {newer.run_id} is loaded and not active \(rollback --to {newer.run_id}\)"
    ):
        deadline.require(config, at("2011-10-03T06:00"))


def test_the_command_says_one_line_and_ends_as_a_probe_wants(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published(tmp_path / "home", NIGHT)
    file = tmp_path / "pipeline.toml"
    file.write_text(
        f'home = "{tmp_path / "home"}"\ntimezone = "Europe/Berlin"\n[monitoring]\nvalid_by = "06:00"\n'
        '[ingest.events]\nfiles = "log.csv"\nsql = "events.sql"\n'
    )
    command = ["--config", str(file), "--quiet", "valid"]
    assert main([*command, "--now", "2011-10-04T05:59"]) == 0
    assert main([*command, "--now", "2011-10-04T06:00", "--by", "07:00"]) == 0
    assert main([*command, "--now", "2011-10-04T00:00"]) == 0
    capsys.readouterr()
    assert main([*command, "--now", "2011-10-04T06:00"]) == 1
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.count("\n") == 1
    assert found.err.startswith("LateError: the tables of 2011-10-03 were to be valid by 06:00 in Europe/Berlin: ")
    assert main([*command, "--now", "yesterday"]) == 1
    assert main(command) == 1, "the tables of 2011 are late by the clock of any day since"


@pytest.mark.parametrize("wrong", ["6:00", "24:00", "00:00", "06:00:00", "soon"])
def test_a_time_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no time of the day"):
        FullConfig.model_validate({"monitoring": {"valid_by": wrong}})


def test_a_file_that_no_collector_reads_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must end with \.prom"):
        FullConfig.model_validate({"monitoring": {"textfile": "metrics.txt"}})
