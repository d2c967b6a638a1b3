"""Rows of nights to come are kept for these, and said."""

import logging
from datetime import date
from pathlib import Path

import pytest

from pipeline.ground import artifacts
from pipeline.intake import waiting
from pipeline.operations import load_history
from tests.tiny_log import ingest, row, rows_of, shop, write

NIGHT, NEXT = date(2024, 1, 1), date(2024, 1, 2)
TONIGHT, TOMORROW = row("u", "a", "2024-01-01 10:00:00"), row("u", "b", "2024-01-02 00:00:01")
AHEAD = row("u", "c", "2031-05-01 10:00:00")
SAID = "2 log rows are kept for later nights, 2024-01-02 .. 2031-05-01"


def test_a_clock_days_ahead_in_a_file_without_a_day_is_said_every_night(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "log.csv", [TONIGHT, TOMORROW, AHEAD])
    with caplog.at_level(logging.WARNING):
        folder = ingest(shop(tmp_path, "log.csv"), NIGHT)
    assert len(rows_of(folder)) == 1
    assert f"2024-01-01: {SAID}; the latest is in log.csv. If there have been no such days" in caplog.text
    report = artifacts.read_manifest(folder)["report"]
    assert report["kept for later nights"] == {"rows": 2, "first": "2024-01-02", "last": "2031-05-01"}
    assert waiting.told(report) == SAID
    report = artifacts.read_manifest(ingest(shop(tmp_path, "log.csv"), NEXT))["report"]
    assert waiting.told(report) == "1 log row is kept for later nights, 2031-05-01"


def test_the_next_days_rows_are_counted_and_nobody_is_warned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "log.csv", [TONIGHT, TOMORROW])
    with caplog.at_level(logging.WARNING):
        report = artifacts.read_manifest(ingest(shop(tmp_path, "log.csv"), NIGHT))["report"]
    assert report["kept for later nights"]["rows"] == 1
    assert "later nights" not in caplog.text
    write(tmp_path / "log.csv", [TONIGHT])
    again = shop(tmp_path, "log.csv", home=tmp_path / "again")
    assert waiting.KEY not in artifacts.read_manifest(ingest(again, NIGHT))["report"]


def test_a_file_of_a_month_is_no_clock_that_is_wrong(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "2024-01.csv", [row("u", "a", f"2024-01-{day:02} 10:00:00") for day in range(1, 31, 3)])
    with caplog.at_level(logging.WARNING):
        report = artifacts.read_manifest(ingest(shop(tmp_path, "{year}-{month}.csv"), NIGHT))["report"]
    assert report[waiting.KEY] == {"rows": 9, "first": "2024-01-04", "last": "2024-01-28"}
    assert "later nights" not in caplog.text


def test_load_history_says_what_it_leaves_to_later_nights(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", [TONIGHT, TOMORROW, AHEAD])
    config = shop(tmp_path, "log.csv")
    assert SAID in load_history.load_history(config, NIGHT)
    assert waiting.told(artifacts.read_manifest(artifacts.stage_dir(config.lake, "ingest", NIGHT))["report"]) == SAID


def test_the_files_of_nights_to_come_are_no_clock(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for day in (1, 5):
        write(tmp_path / f"2024-01-0{day}.csv", [row("u", "a", f"2024-01-0{day} 10:00:00")])
    with caplog.at_level(logging.WARNING):
        said = load_history.load_history(shop(tmp_path, "{year}-{month}-{day}.csv"), NIGHT)
    assert "1 log row is kept for later nights, 2024-01-05" in said
    assert "a clock" not in caplog.text
