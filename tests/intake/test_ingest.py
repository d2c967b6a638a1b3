"""Ingest on logs made by hand: what is taken, what is refused and why, and that history is the same bytes as nights."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.intake import inputs, partitions, refusals, waiting
from pipeline.operations import load_history
from tests.tiny_log import ITEMS, MAPPING, digests, row, rows_of, shop, write
from tests.tiny_log import ingest as ingest_night

MONDAY, TUESDAY, WEDNESDAY = date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)
LOG = [
    row("u1", "a", "2024-01-01 10:00:00"),
    row("u2", "b", "2024-01-01 09:00:00"),
    row("u1", "a", "2024-01-02 10:00:00", "view"),
    row(None, "c", "2024-01-03 00:00:00"),
]


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz", "log.csv", "log.csv.gz", "log.csv.zst", "log.parquet"])
def test_every_format_gives_the_same_events(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, LOG)
    found = [(e["user_id"], e["item_id"], e["event_time"]) for e in rows_of(ingest_night(shop(tmp_path, name), MONDAY))]
    nine, ten = (datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in (9, 10))
    assert found == [("u2", "b", nine), ("u1", "a", ten)]


def test_a_night_has_only_what_arrived_on_it(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", LOG)
    config = shop(tmp_path)
    assert [e["event_type"] for e in rows_of(ingest_night(config, TUESDAY))] == ["view"]
    assert rows_of(ingest_night(config, WEDNESDAY))[0]["user_id"] is None
    assert ingest_night(config, MONDAY).joinpath("manifest.json").exists()


def test_history_in_one_pass_is_the_same_bytes_as_night_by_night(tmp_path: Path) -> None:
    dirt = [
        row("u3", None, "2024-01-02 11:00:00"),
        row("u3", "a", "never"),
        row("u1", "d", "2024-01-03 01:00:00", "poke"),
    ]
    log = [*LOG, LOG[0], *dirt, row("u9", "z", "2024-01-05 01:00:00")]
    write(tmp_path / "log.csv", log)
    settings = {"ingest": {"max_reject_share": 1, "allow_empty": True}}
    one, many = (shop(tmp_path, "log.csv", items=ITEMS, home=tmp_path / home, **settings) for home in ("one", "many"))
    load_history.load_history(one, date(2024, 1, 6))
    for night in (MONDAY + timedelta(days=n) for n in range(6)):
        folder = ingest_night(many, night)
        same = artifacts.stage_dir(one.lake, "ingest", night)
        assert digests(same) == digests(folder)
        ours, theirs = (artifacts.read_manifest(f) for f in (same, folder))
        measured = {"seconds": 0, "peak_memory_mb": 0}
        for manifest in (ours, theirs):  # one pass says of its last night alone what waits for later ones
            manifest["report"].pop(waiting.KEY, None)
        assert ours | measured == theirs | measured


def test_history_is_loaded_once_and_continued_by_nightly_runs(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", LOG)
    config = shop(tmp_path, "log.csv", ingest={"allow_empty": True})
    assert not load_history.is_loaded(config, MONDAY)
    ingest_night(config, TUESDAY)
    assert not load_history.is_loaded(config, TUESDAY), "a night alone is not its history"
    load_history.load_history(config, MONDAY)
    assert load_history.is_loaded(config, TUESDAY)
    assert not load_history.is_loaded(config, WEDNESDAY)
    load_history.load_history(config, WEDNESDAY)
    assert load_history.is_loaded(config, MONDAY)


def test_load_history_says_what_was_refused_and_why(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", [*LOG, LOG[0], LOG[0], row("u", "a", "2024-01-01", "poke")])
    text = load_history.load_history(shop(tmp_path, "log.csv", ingest={"max_reject_share": 0.5}), WEDNESDAY)
    words = [line.split(maxsplit=1) for line in text.splitlines()]
    assert ["7", "log rows"] in words
    assert ["4", "events taken"] in words
    assert ["2", "rejected: duplicate of an earlier event"] in words
    assert ["1", "rejected: event_type is not in features.event_types"] in words


def test_row_groups_do_not_depend_on_how_rows_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = [row(f"u{n % 7}", f"i{n}", f"2024-01-0{1 + n // 40} 00:00:{n % 60:02}") for n in range(100)]
    write(tmp_path / "log.csv", log)
    monkeypatch.setattr(partitions, "ROW_GROUP", 16)
    one, many = (shop(tmp_path, "log.csv", home=tmp_path / home) for home in ("one", "many"))
    load_history.load_history(one, WEDNESDAY)
    for night, rows in ((MONDAY, 40), (TUESDAY, 40), (WEDNESDAY, 20)):
        folder = ingest_night(many, night)
        assert len(rows_of(folder)) == rows
        assert digests(folder) == digests(artifacts.stage_dir(one.lake, "ingest", night))


def test_the_tables_have_the_contracts_columns(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    write(tmp_path / "log.jsonl", LOG)
    folder = ingest_night(shop(tmp_path, items=ITEMS), MONDAY)
    contracts = {"events": inputs.EVENTS, "items": inputs.ITEMS, "rejects": inputs.REJECTS}
    for table, contract in contracts.items():
        assert pq.read_schema(folder / f"{table}.parquet").remove_metadata() == contract.schema
    assert [(i["item_id"], i["title"], i["rows"]) for i in rows_of(folder, "items")] == [("a", "A", 1), ("b", "B", 1)]


def test_too_many_refused_rows_stop_the_run_and_show_the_first(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", [LOG[0], row("u", "a", "2024-01-01", "poke"), row("u", "", "2024-01-01")])
    with pytest.raises(InputError) as stopped:
        ingest_night(shop(tmp_path, "log.csv"), MONDAY)
    message = str(stopped.value)
    assert "2 of 3 log rows" in message
    assert "log.csv row 2: event_type is not in features.event_types" in message
    assert "log.csv row 3: item_id is missing" in message
    assert "max_reject_share" in message
    assert not artifacts.stage_dir(tmp_path / "home" / "lake", "ingest", MONDAY).exists()


def test_a_night_without_rows_is_an_error_unless_allowed(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", LOG)
    with pytest.raises(InputError, match=r"no log row arrived on 2024-01-09.*allow_empty"):
        ingest_night(shop(tmp_path, "log.csv"), date(2024, 1, 9))
    folder = ingest_night(shop(tmp_path, "log.csv", ingest={"allow_empty": True}), date(2024, 1, 9))
    assert rows_of(folder) == rows_of(folder, "rejects") == []


def test_a_missing_daily_file_is_an_error_unless_days_without_a_log_are_allowed(tmp_path: Path) -> None:
    files = "{year}-{month}-{day}.csv"
    write(tmp_path / "2024-01-01.csv", LOG[:2])
    for night in (TUESDAY, date(2024, 1, 9)):
        with pytest.raises(InputError, match=f"no log file of {night} matches"):
            ingest_night(shop(tmp_path, files), night)
        folder = ingest_night(shop(tmp_path, files, ingest={"allow_empty": True}), night)
        assert rows_of(folder) == []


def test_a_missing_monthly_file_is_always_an_error(tmp_path: Path) -> None:
    write(tmp_path / "2024-01.csv", LOG[:2])
    with pytest.raises(InputError, match="no log file of 2024-02-01 matches"):
        ingest_night(shop(tmp_path, "{year}-{month}.csv", ingest={"allow_empty": True}), date(2024, 2, 1))


def test_history_before_the_first_row_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", LOG)
    with pytest.raises(InputError, match="no log row arrived by 2023-12-31"):
        load_history.load_history(shop(tmp_path, "log.csv"), date(2023, 12, 31))


LATE = MAPPING.replace("_file", "try_cast(arrived as timestamp) as arrived_at, _file")


def test_a_late_event_arrives_later_and_a_repeated_one_is_taken_once(tmp_path: Path) -> None:
    sent = [row("u1", "a", "2024-01-01 10:00:00") | {"arrived": day} for day in ("2024-01-02", "2024-01-03")]
    late = row("u2", "b", "2024-01-01 11:00:00") | {"arrived": "2024-01-03"}
    write(tmp_path / "log.csv", [*sent, late])
    settings = {"mapping": LATE, "ingest": {"arrival": "arrived_at"}}
    one, many = (shop(tmp_path, "log.csv", home=tmp_path / home, **settings) for home in ("one", "many"))
    load_history.load_history(one, WEDNESDAY)
    second, third = ingest_night(many, TUESDAY), ingest_night(many, WEDNESDAY)
    assert [e["user_id"] for e in rows_of(second)] == ["u1"]
    assert [e["user_id"] for e in rows_of(third)] == ["u2"]
    assert [r["reason"] for r in rows_of(third, "rejects")] == [refusals.DUPLICATE]
    for night, folder in ((TUESDAY, second), (WEDNESDAY, third)):
        assert digests(folder) == digests(artifacts.stage_dir(one.lake, "ingest", night))


def test_a_later_file_does_not_change_an_earlier_night(tmp_path: Path) -> None:
    config = shop(tmp_path, "{year}-{month}-{day}.csv", ingest={"arrival": "file"})
    write(tmp_path / "2024-01-01.csv", LOG[:2])
    before = digests(ingest_night(config, MONDAY))
    write(tmp_path / "2024-01-02.csv", [*LOG[:2], row("late", "a", "2024-01-01 20:00:00")])
    again = shop(tmp_path, "{year}-{month}-{day}.csv", home=tmp_path / "again", ingest={"arrival": "file"})
    assert digests(ingest_night(again, MONDAY)) == before
    assert [e["user_id"] for e in rows_of(ingest_night(again, TUESDAY))] == ["late"]


def test_ids_are_data(tmp_path: Path) -> None:
    hostile = "'; drop table raw; -- <b>\u0000"
    write(tmp_path / "log.jsonl", [row(hostile, hostile, "2024-01-01 10:00:00"), *LOG])
    assert rows_of(ingest_night(shop(tmp_path), MONDAY))[1]["item_id"] == hostile
