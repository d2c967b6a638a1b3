"""Types that the configuration gained or lost after nights were loaded are said, with the command that mends it."""

import logging
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline.__main__ import main
from pipeline.intake import known_types
from pipeline.operations import load_history, stages
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import ingest, row, shop, write

NIGHTS = [date(2024, 1, 1) + timedelta(days=n) for n in range(4)]
OLD = {"view": {"weight": 0.1}, "purchase": {"label": True}}
NEW = OLD | {"cart": {"weight": 0.5}, "share": {}}
SINCE = "names cart, share, which 2 nights from 2024-01-01 to 2024-01-03 did not know"


def typed(folder: Path, types: dict[str, dict[str, object]]) -> FullConfig:
    """Four nights with a purchase and a view each, and a cart or another type on the first, third and fourth."""
    rows = [
        row("u", item, f"{night} 10:00:00", kind)
        for night in NIGHTS
        for item, kind in (("a", "purchase"), ("b", "view"))
    ]
    rows += [row("u", "c", f"{night} 11:00:00", "cart") for night in (NIGHTS[0], NIGHTS[2], NIGHTS[3])]
    rows += [row("u", "d", f"{NIGHTS[2]} 11:00:00", "ping")]
    write(folder / "log.csv", rows)
    return shop(folder, "log.csv", ingest={"max_reject_share": 1}, features={"event_types": types})


def test_a_type_that_is_added_later_is_said_until_history_is_loaded_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_history.load_history(typed(tmp_path, OLD), NIGHTS[2])
    assert known_types.told(typed(tmp_path, OLD)) == []
    config = typed(tmp_path, NEW)
    (said,) = known_types.told(config)
    assert SINCE in said
    assert "refused 3 rows" in said, "of which one is of no type that there is, so that it is at most so many"
    assert said.endswith("load-history --until 2024-01-03 --force")
    with caplog.at_level(logging.WARNING):
        ingest(config, NIGHTS[3])
    assert [record.message for record in caplog.records if "cart" in record.message] == [said]
    load_history.load_history(config, NIGHTS[2])
    assert known_types.told(config) == []
    caplog.clear()
    stages.run_stage("ingest", NIGHTS[3], config, force=True)
    assert "did not know" not in caplog.text


def test_the_command_says_it_of_a_history_that_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(*types: str) -> str:
        text = "".join(f"{name} = {{ label = true }}\n" for name in types)
        log = '[ingest]\nmax_reject_share = 1\n[ingest.events]\nfiles = "log.csv"\nsql = "events.sql"\n'
        (tmp_path / "pipeline.toml").write_text(f"{log}[features.event_types]\n{text}")
        assert main(["--config", str(tmp_path / "pipeline.toml"), "load-history", "--until", "2024-01-03"]) == 0
        return capsys.readouterr().out

    monkeypatch.setenv("NIGHTJAR_HOME", str(tmp_path / "home"))
    typed(tmp_path, OLD)
    assert "did not know" not in load("view", "purchase")
    again = load("view", "purchase", "cart", "share")
    assert "history is loaded up to 2024-01-03" in again
    assert SINCE in again


def test_events_of_a_type_that_is_there_no_longer_are_said(tmp_path: Path) -> None:
    load_history.load_history(typed(tmp_path, NEW), NIGHTS[3])
    config = typed(tmp_path, {"purchase": {"label": True}, "share": {}})
    (said,) = known_types.told(config)
    assert said.startswith("7 events in the lake count for nothing")
    assert "cart (3), view (4)" in said
    assert known_types.told(typed(tmp_path, NEW | {"view": {"weight": 0}})) == []


def test_a_type_of_which_nothing_can_have_been_refused_is_not_said(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", [row("u", "a", "2024-01-01 10:00:00")])
    load_history.load_history(shop(tmp_path, "log.csv", features={"event_types": OLD}), NIGHTS[0])
    assert known_types.told(shop(tmp_path, "log.csv", features={"event_types": NEW})) == []
