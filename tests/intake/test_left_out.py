"""Rows of the log of which a mapping makes no event: counted, by night, whatever leaves them out."""

import json
import logging
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.intake.left_out import KEY
from pipeline.operations import check, load_history, stages
from pipeline.settings.config import Config
from tests.tiny_log import digests, ingest, row, rows_of, shop, write

DAYS = [date(2024, 1, n) for n in range(1, 7)]
UNNEST = """
select "user" as user_id, unnest(items) as item_id, try_cast(ts as timestamp) as event_time, 'purchase' as event_type,
    _file, _row
from raw
"""
BESIDE = UNNEST.replace("unnest(items)", "line.item").replace("from raw", "from raw, unnest(items) as line(item)")
WHERE = """
select "user" as user_id, item as item_id, try_cast(ts as timestamp) as event_time, type as event_type, _file, _row
from raw
where type <> 'noise'
"""
LENIENT = {"max_reject_share": 1, "allow_empty": True}


def counts(config: Config) -> dict[int, tuple[int, int, int]]:
    """By day of the month: events taken, rows refused, rows left out."""
    found = {}
    for folder in artifacts.partitions_until(config.lake, "ingest", date.max):
        report = artifacts.read_manifest(folder)["report"]
        assert report.get(KEY, 0) == report["quality"]["left_out"]
        found[artifacts.run_date_of(folder).day] = (report["events"], report["rejects"], report.get(KEY, 0))
    return found


def orders(path: Path, *lists: list[str] | None, night: date = DAYS[0]) -> None:
    columns: dict[str, Any] = {"user": ["u"] * len(lists), "items": pa.array(lists, pa.list_(pa.string()))}
    columns["ts"] = [f"{night} 10:00:{n:02}" for n in range(len(lists))]
    pq.write_table(pa.table(columns), path)


@pytest.mark.parametrize("mapping", [UNNEST, BESIDE], ids=["in select", "in from"])
def test_a_list_without_anything_is_counted_and_said(
    tmp_path: Path, mapping: str, caplog: pytest.LogCaptureFixture
) -> None:
    orders(tmp_path / "log.parquet", ["a", "b"], [], None, ["c"], [None])
    with caplog.at_level(logging.WARNING):
        config = shop(tmp_path, "log.parquet", mapping, ingest=LENIENT)
        ingest(config, DAYS[0])
    assert counts(config) == {1: (3, 1, 2)}
    said = "events.sql makes no event of 2 log rows (the first: log.parquet row 2)"
    assert said in caplog.text
    assert "unnest(if(len(list) > 0, list, [null]))" in caplog.text
    assert "2 log rows left out by the mapping" in load_history.load_history(
        config.model_copy(update={"home": tmp_path / "again"}), DAYS[0]
    )


def test_the_remedy_refuses_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    orders(tmp_path / "log.parquet", ["a", "b"], [], None, ["c"], [None])
    mapping = UNNEST.replace("unnest(items)", "unnest(if(len(items) > 0, items, [null]))")
    config = shop(tmp_path, "log.parquet", mapping, ingest=LENIENT)
    assert [r["row"] for r in rows_of(ingest(config, DAYS[0]), "rejects")] == [2, 3, 5]
    assert counts(config) == {1: (3, 3, 0)}
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def noisy(folder: Path, night: date, *kinds: str) -> None:
    rows = [row("u", f"i{n}", f"{night} 10:00:{n:02}", kind) for n, kind in enumerate(kinds)]
    write(folder / f"{night}.jsonl", rows)


def test_what_a_where_leaves_out_is_counted_by_night_and_no_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    noisy(tmp_path, DAYS[0], "noise", "purchase", "noise", "poke")
    noisy(tmp_path, DAYS[1], "noise", "noise", "purchase")
    live, loaded = (
        shop(tmp_path, "{year}-{month}-{day}.jsonl", WHERE, home=tmp_path / home, ingest=LENIENT) for home in "ab"
    )
    with caplog.at_level(logging.INFO):
        for night in DAYS[:2]:
            ingest(live, night)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "2024-01-02: 2 log rows are left out by the mapping" in caplog.text
    said = load_history.load_history(loaded, DAYS[1])
    assert counts(live) == counts(loaded) == {1: (1, 1, 2), 2: (1, 0, 2)}
    assert "4 log rows left out by the mapping" in said
    for night in DAYS[:2]:
        ours, theirs = (artifacts.stage_dir(config.lake, "ingest", night) for config in (live, loaded))
        assert digests(ours) == digests(theirs)


def test_a_month_in_one_file_is_counted_where_its_rows_stand(tmp_path: Path) -> None:
    rows = [
        row("u", f"i{n}", f"{day} 10:00:0{n}", kind) for day in DAYS[:3] for n, kind in enumerate(["noise", "poke"])
    ]
    write(tmp_path / "log.jsonl", rows)
    config = shop(tmp_path, mapping=WHERE, ingest=LENIENT)
    load_history.load_history(config, DAYS[2])
    assert sum(sum(of_night) for of_night in counts(config).values()) == len(rows)


def test_rows_that_come_when_their_night_is_over_are_counted_once(tmp_path: Path) -> None:
    """Also where the file is read again, its night is run again, or it is written anew in another order."""
    config = shop(tmp_path, "{year}-{month}-{day}.jsonl", WHERE, ingest=LENIENT)
    noisy(tmp_path, DAYS[0], "noise", "purchase")
    ingest(config, DAYS[0])
    noisy(tmp_path, DAYS[0], "noise", "purchase", "noise", "purchase", "noise")
    for night in DAYS[1:3]:
        noisy(tmp_path, night, "purchase", "noise")
        ingest(config, night)
    assert counts(config) == {1: (1, 0, 1), 2: (2, 0, 3), 3: (1, 0, 1)}
    stages.run_stage("ingest", DAYS[0], config, force=True)
    assert counts(config) == {1: (2, 0, 3), 2: (1, 0, 1), 3: (1, 0, 1)}


def test_a_row_that_is_pushed_behind_is_not_counted_again(tmp_path: Path) -> None:
    config = shop(tmp_path, "{year}-{month}-{day}.jsonl", WHERE, ingest=LENIENT)
    noisy(tmp_path, DAYS[0], "purchase", "noise")
    ingest(config, DAYS[0])
    noisy(tmp_path, DAYS[0], "purchase", "purchase", "noise")
    ingest(config, DAYS[1])
    assert counts(config) == {1: (1, 0, 1), 2: (1, 0, 0)}


def test_a_night_of_which_everything_is_left_out_says_so(tmp_path: Path) -> None:
    noisy(tmp_path, DAYS[0], "noise", "noise")
    strict = shop(tmp_path, "{year}-{month}-{day}.jsonl", WHERE)
    with pytest.raises(InputError, match=r"events\.sql makes no event of any of the 2 log rows"):
        ingest(strict, DAYS[0])
    lenient = shop(tmp_path, "{year}-{month}-{day}.jsonl", WHERE, ingest=LENIENT)
    ingest(lenient, DAYS[0])
    assert counts(lenient) == {1: (0, 0, 2)}


def test_a_far_larger_share_than_usual_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    nights = [date(2024, 1, n) for n in (1, 8, 15, 22, 29)]
    for night in nights:
        few = night != nights[-1]
        noisy(tmp_path, night, *["purchase"] * 50, *["noise"] * (10 if few else 150))
    config = shop(tmp_path, "{year}-{month}-{day}.jsonl", WHERE, ingest=LENIENT)
    load_history.load_history(config, nights[-2])
    with caplog.at_level(logging.WARNING):
        folder = ingest(config, nights[-1])
    assert "left_out: the mapping leaves out 150 of 200 log rows, at most 17 % on the usual nights" in caplog.text
    assert list(artifacts.read_manifest(folder)["report"]["unusual"]) == ["left_out"]


def test_check_says_how_many_and_where(tmp_path: Path) -> None:
    noisy(tmp_path, DAYS[0], "noise", "purchase", "noise")
    checked = check.check(shop(tmp_path, "{year}-{month}-{day}.jsonl", WHERE))
    assert checked.facts.left_out is not None
    assert checked.facts.left_out.rows == 2
    said = check.described(checked, "nightjar")
    assert "left out by the mapping, which makes no event of them: 2 log rows" in said
    assert "2024-01-01.jsonl, line 1" in said
    assert json.loads(check.as_json(checked))["left_out"]["rows"] == 2


def test_rows_that_a_mapping_fails_on_or_that_cannot_be_read_are_not_left_out(tmp_path: Path) -> None:
    noisy(tmp_path, DAYS[0], "purchase", "noise")
    with (tmp_path / f"{DAYS[0]}.jsonl").open("a") as file:
        file.write("no json\n")
    config = shop(tmp_path, "{year}-{month}-{day}.jsonl", WHERE, ingest=LENIENT)
    folder = ingest(config, DAYS[0])
    assert counts(config) == {1: (1, 1, 1)}
    assert [r["row"] for r in rows_of(folder, "rejects")] == [3]


def test_what_is_left_out_before_the_first_event_is_of_the_first_night(tmp_path: Path) -> None:
    noisy(tmp_path, DAYS[0], "noise", "noise")
    noisy(tmp_path, DAYS[2], "purchase", "noise")
    config = shop(tmp_path, "{year}-{month}-{day}.jsonl", WHERE, ingest=LENIENT)
    assert "3 log rows left out by the mapping" in load_history.load_history(config, DAYS[2])
    assert counts(config) == {3: (1, 0, 3)}
