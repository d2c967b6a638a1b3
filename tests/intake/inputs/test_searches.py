"""Searches: every row is taken, refused with its place, or said twice; people can be forgotten and have pseudonyms."""

from datetime import date
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts
from pipeline.settings.config import Config
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
