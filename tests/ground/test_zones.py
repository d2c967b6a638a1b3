"""The zone whose days are the shop's."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pipeline.ground import sql, zones
from pipeline.ground.errors import InputError
from pipeline.ground.nights import require_over, resolve_run_date
from pipeline.sources.configuration import FullConfig


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Pacific/Kiritimati"])
def test_a_zone_is_known_to_the_configuration_and_to_duckdb(name: str) -> None:
    assert FullConfig(timezone=name).timezone == name
    sql.connect(1, 128, timezone=name).close()


@pytest.mark.parametrize(
    "name", ["", "Berlin", "europe/berlin", "Europe", "/etc/passwd", "../UTC", "localtime", "+02:00"]
)
def test_another_word_is_no_zone(name: str) -> None:
    assert not zones.known(name)
    with pytest.raises(ValueError, match="no IANA time zone"):
        FullConfig(timezone=name)


def test_duckdb_says_which_zone_it_does_not_know() -> None:
    with pytest.raises(InputError, match="timezone = 'Mars/Base': DuckDB knows no such"):
        sql.connect(1, 128, timezone="Mars/Base")


def test_it_is_part_of_every_stages_settings() -> None:
    one, other = FullConfig(), FullConfig(timezone="Europe/Berlin")
    for section in ("ingest", "features", "als", "publish"):
        assert one.digest(section) != other.digest(section)


@pytest.mark.parametrize(
    ("zone", "begins", "night"),
    [
        ("UTC", datetime(2024, 3, 30, 2, tzinfo=UTC), date(2024, 3, 30)),
        ("Asia/Kolkata", datetime(2024, 3, 29, 20, 30, tzinfo=UTC), date(2024, 3, 30)),  # two at night there
        ("America/Los_Angeles", datetime(2024, 3, 30, 9, tzinfo=UTC), date(2024, 3, 30)),
        ("Pacific/Auckland", datetime(2024, 3, 29, 13, tzinfo=UTC), date(2024, 3, 30)),
    ],
)
def test_a_scheduled_night_is_the_day_that_the_interval_begins_on_in_the_zone(
    zone: str, begins: datetime, night: date
) -> None:
    assert resolve_run_date(None, begins, None, "scheduled", zone) == night
    after = begins.replace(day=begins.day + 1)
    assert resolve_run_date(None, None, after, "manual", zone) == night


def test_whether_a_day_is_over_is_said_of_the_zone() -> None:
    with pytest.raises(InputError, match=r"today is 2024-03-30 in Asia/Tokyo"):
        require_over(date(2024, 3, 30), date(2024, 3, 30), "Asia/Tokyo")


@pytest.mark.parametrize(
    ("text", "zone"),
    [('timezone = "Asia/Tokyo"', "Asia/Tokyo"), ("", "UTC"), ('timezone = "x"', "UTC"), ("= =", "UTC"), (None, "UTC")],
)
def test_the_orchestrator_reads_it_from_the_shops_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, zone: str
) -> None:
    monkeypatch.setenv("NIGHTJAR_CONFIG", str(tmp_path / "pipeline.toml"))
    if text is not None:
        (tmp_path / "pipeline.toml").write_text(text)
    assert zones.of_shop() == zone
