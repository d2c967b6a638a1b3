"""Somebody who asked to be forgotten, in other people's rows: counted, and taken out where one wants it."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.__main__ import main
from pipeline.ground import artifacts
from pipeline.intake import refusals
from pipeline.operations import forget, load_history
from pipeline.publication import stores
from pipeline.settings.config import Config
from tests import tiny_log
from tests.on_disk import everything_under

NIGHT, ASKED = date(2024, 1, 1), date(2024, 2, 1)
GONE = "person-77"
MAPPING = """
select id as event_id, "user" as user_id, item as item_id, "session" as session_id, q as query,
    try_cast(ts as timestamp) as event_time, type as event_type, _file, _row
from raw
"""
LINES: list[dict[str, Any]] = [
    {"user": GONE, "id": "1", "session": "s1", "q": "mugs"},
    {"user": "other", "id": "2", "session": "s2", "q": "what did Person-77 buy"},
    {"user": "other", "id": f"order_{GONE}_3", "session": "s2", "q": "mugs"},
    {"user": "other", "id": "4", "session": f"{GONE}:s3", "q": "cups"},
    {"user": "other", "id": "5", "session": "s4", "q": "person-778"},
    {"user": "other", "id": "6", "session": "s4", "q": "xperson-77"},
    {"user": "other", "id": "7", "session": "s5", "q": f"x_{GONE}", "type": "poke"},
    {"user": "other", "id": "8", "session": "s5", "q": f"of {GONE}", "type": "poke"},
    {"user": "other", "id": "9", "session": "s5", "q": "cups", "type": "poke"},
]
OTHERS = {"events.event_id": 1, "events.session_id": 1, "events.query": 1, "rejects.raw": 1}


def a_night(folder: Path) -> Config:
    rows = [tiny_log.row(None, "a", f"{NIGHT} 10:00:0{n}") | line for n, line in enumerate(LINES)]
    tiny_log.write(folder / "log.csv", rows)
    config = tiny_log.shop(folder, "log.csv", mapping=MAPPING, ingest={"max_reject_share": 1})
    tiny_log.ingest(config, NIGHT)
    return config


def events(config: Config) -> list[tuple[str, str, str | None]]:
    folder = artifacts.stage_dir(config.lake, "ingest", NIGHT)
    return [(e["event_id"], e["session_id"], e["query"]) for e in tiny_log.rows_of(folder)]


def test_the_receipt_says_where_the_id_stays(tmp_path: Path) -> None:
    config = a_night(tmp_path)
    before = events(config)
    (receipt,) = forget.forget(config, [GONE], ASKED)
    assert events(config) == before[1:]
    said = json.loads(receipt.read_text())
    assert said["in_others_rows"] == {"taken_out": False} | OTHERS
    assert any("--also-in-text" in words for words in said["stays"])
    assert said["rows"]["events"] == 1
    assert said["rows"]["rejects"] == 1, "the row that has it as a word is removed, as ever"
    assert GONE not in receipt.read_text()


def test_it_is_taken_out_where_one_asks_for_it(tmp_path: Path) -> None:
    config = a_night(tmp_path)
    before = events(config)
    (receipt,) = forget.forget(config, [GONE], ASKED, also_in_text=True)
    after = events(config)
    assert len(after) == len(before) - 1
    assert after[0] == ("2", "s2", None)
    assert (after[1][1:], after[2][::2]) == (("s2", "mugs"), ("4", "cups"))
    assert [len(after[1][0]), len(after[2][1])] == [64, 64], "hashes, so that an order stays one and a session too"
    assert after[3:] == before[4:], "neither another person nor a longer word is touched"
    folder = artifacts.stage_dir(config.lake, "ingest", NIGHT)
    rejects = {row["row"]: row["raw"] is None for row in tiny_log.rows_of(folder, "rejects")}
    assert rejects == {7: True, 9: False}
    said = json.loads(receipt.read_text())
    assert said["in_others_rows"] == {"taken_out": True} | OTHERS
    assert not any("--also-in-text" in words for words in said["stays"])
    assert GONE.encode() not in everything_under(config.home).replace(b"xperson-77", b"").replace(b"person-778", b"")
    manifest = artifacts.read_manifest(folder)
    assert manifest["files"] == artifacts.describe(folder)
    assert manifest["report"]["rejected: event_type is not in features.event_types"] == len(rejects)


def test_published_queries_are_counted(tmp_path: Path) -> None:
    config = a_night(tmp_path)
    run = stores.archive(config).folder / "run_id=2024-01-01-abc"
    tiny_log.write(run / "search_results.parquet", [{"query": f"of {GONE}"}, {"query": "mugs"}])
    (receipt,) = forget.forget(config, [GONE], ASKED)
    assert json.loads(receipt.read_text())["in_others_rows"]["published search_results.query"] == 1


def test_done_again_there_is_nothing_left(tmp_path: Path) -> None:
    config = a_night(tmp_path)
    counted = [forget.forget(config, [GONE], ASKED, also_in_text=also)[0] for also in (False, True, True)]
    found = [json.loads(receipt.read_text())["in_others_rows"] for receipt in counted]
    assert found == [{"taken_out": False} | OTHERS, {"taken_out": True} | OTHERS, {"taken_out": True}]


def test_a_night_that_learned_from_such_a_query_is_dropped_with_it(tmp_path: Path) -> None:
    for also in (False, True):
        config = a_night(tmp_path / str(also))
        features = artifacts.stage_dir(config.lake, "features", NIGHT)
        for name, column in (("users", "user_id"), ("queries", "query")):
            tiny_log.write(features / f"{name}.parquet", [{column: f"about {GONE.upper()}"}])
        artifacts.write_manifest(features, {"stage": "features", "files": artifacts.describe(features), "report": {}})
        forget.forget(config, [GONE], ASKED, also_in_text=also)
        assert features.is_dir() != also


def test_the_command_says_in_how_many_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = a_night(tmp_path)
    monkeypatch.setenv("NIGHTJAR_HOME", str(config.home))
    monkeypatch.delenv("NIGHTJAR_CONFIG", raising=False)
    assert main(["forget", "--user", GONE]) == 0
    assert "stands in 4 texts of others' rows (left there; --also-in-text takes it out)" in capsys.readouterr().out
    assert main(["forget", "--also-in-text", "--user", GONE]) == 0
    assert "stands in 4 texts of others' rows (taken out)" in capsys.readouterr().out


def test_what_is_loaded_anew_has_the_texts_of_the_logs_again(tmp_path: Path) -> None:
    """The shop's own logs are its own to clean, as docs/privacy.md says; the person's own rows stay away."""
    config = a_night(tmp_path)
    before = events(config)
    forget.forget(config, [GONE], ASKED, also_in_text=True)
    assert refusals.FORGOTTEN in load_history.load_history(config, NIGHT)
    assert events(config) == before[1:]
