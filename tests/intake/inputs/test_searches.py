"""Searches: every row is taken, refused with its place, or said twice; people can be forgotten and have pseudonyms."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import artifacts
from pipeline.operations import forget
from pipeline.privacy import pseudonyms
from pipeline.settings.config import Config
from tests.on_disk import everything_under
from tests.tiny_log import digests, ingest, row, rows_of, shop, write

FIRST, SECOND = date(2024, 1, 1), date(2024, 1, 2)
MAPPING = "select who as user_id, visit as session_id, time as searched_at, words as query, _file, _row from raw"


def search(
    who: str | None, words: str | None, time: str | None = "2024-01-01 10:00:00", visit: str = "v"
) -> dict[str, Any]:
    return {"who": who, "visit": visit, "time": time, "words": words}


def searching(folder: Path, files: str = "searches-{year}-{month}-{day}.csv", **over: Any) -> Config:
    for night in (FIRST, SECOND):
        write(folder / f"log-{night}.csv", [row("u", "a", f"{night} 10:00:00")])
    (folder / "searches.sql").write_text(MAPPING)
    given = {"searches": {"files": files, "sql": "searches.sql"}}
    return shop(folder, "log-{year}-{month}-{day}.csv", ingest=given, **over)


def test_rows_are_taken_refused_or_said_twice(tmp_path: Path) -> None:
    config = searching(tmp_path)
    lines = [
        search("u", "Sofer  blue"),
        search("u", "Sofer  blue"),
        search(None, "sofa"),
        search("u", "\u200b "),
        search("u", "sofa", "soon"),
        search("u", "sofa", None),
        search("u", "sofa", "1999-12-31 10:00:00"),
        search("u", "sofa", "2024-01-02 00:00:00"),
        search("n" * 300, "sofa"),
        search("u", "'; drop table searches; --"),
    ]
    name = f"searches-{FIRST}.csv"
    write(tmp_path / name, lines)
    night = ingest(config, FIRST)
    found = [(one["user_id"], one["session_id"], one["query"]) for one in rows_of(night, "searches")]
    assert found == [("u", "v", "'; drop table searches; --"), ("u", "v", "Sofer  blue"), (None, "v", "sofa")]
    assert [tuple(one.values()) for one in rows_of(night, "search_rejects")] == [
        (name, 4, "query is missing"),
        (name, 5, "searched_at is missing or not a time"),
        (name, 6, "searched_at is missing or not a time"),
        (name, 7, "searched_at is before ingest.earliest"),
        (name, 8, "searched_at is after the day it arrived"),
        (name, 9, "an id is too long"),
    ]
    report = artifacts.read_manifest(night)["report"]
    assert (report["searches"], report["search_rejects"], report["searches: said twice"]) == (3, 6, 1)


def test_a_file_of_all_days_is_filed_by_when_people_searched(tmp_path: Path) -> None:
    config = searching(tmp_path, "searches.csv")
    write(tmp_path / "searches.csv", [search("u", "one"), search("u", "two", "2024-01-02 23:59:59")])
    assert [[one["query"] for one in rows_of(ingest(config, night), "searches")] for night in (FIRST, SECOND)] == [
        ["one"],
        ["two"],
    ]


def test_a_shop_without_searches_has_no_file_of_them(tmp_path: Path) -> None:
    write(tmp_path / f"log-{FIRST}.csv", [row("u", "a", f"{FIRST} 10:00:00")])
    night = ingest(shop(tmp_path, "log-{year}-{month}-{day}.csv"), FIRST)
    assert not {"searches.parquet", "search_rejects.parquet"} & digests(night).keys()
    assert not any("search" in name for name in artifacts.read_manifest(night)["report"])


def test_a_person_is_forgotten_in_searches_and_taken_out_of_those_of_others(tmp_path: Path) -> None:
    config = searching(tmp_path)
    lines = [
        search("gone-7", "mugs"),
        search("u", "what gone-7 bought"),
        search("u", "mugs"),
        search(None, "cups", visit="gone-7"),
    ]
    write(tmp_path / f"searches-{FIRST}.csv", lines)
    night = ingest(config, FIRST)
    forget.forget(config, ["gone-7"], SECOND, also_in_text=True)
    assert [(one["user_id"], one["query"]) for one in rows_of(night, "searches")] == [("u", "mugs"), ("u", None)]
    assert b"gone-7" not in everything_under(config.home)


def test_with_pseudonyms_nobody_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pseudonyms.VARIABLE, "a-key-of-the-test-0123456789")
    config = searching(tmp_path)
    config = config.model_copy(update={"ingest": config.ingest.model_copy(update={"pseudonyms": True})})
    write(tmp_path / f"searches-{FIRST}.csv", [search("u", "mugs", visit="visit-1")])
    night = ingest(config, FIRST)
    (one,), (event,) = rows_of(night, "searches"), rows_of(night)
    assert one["user_id"] == event["user_id"]
    assert len(one["session_id"]) == 64
    assert one["query"] == "mugs"
