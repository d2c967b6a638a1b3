"""Relations between things: every row is taken, refused with its place, or said again; nights, history, late rows."""

from datetime import date
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts
from pipeline.operations import load_history
from pipeline.settings.config import Config
from tests.tiny_log import digests, ingest, row, rows_of, shop, write

FIRST, SECOND = date(2024, 1, 1), date(2024, 1, 2)
MAPPING = "select a as thing, how as relation, b as other_thing, until as valid_until, _file, _row from raw"


def relation(thing: str | None, how: str | None, other: str | None, until: str | None = None) -> dict[str, Any]:
    return {"a": thing, "how": how, "b": other, "until": until}


def parts(folder: Path, files: str = "parts-{year}-{month}-{day}.csv", **over: Any) -> Config:
    for night in (FIRST, SECOND):
        write(folder / f"log-{night}.csv", [row("u", "a", f"{night} 10:00:00")])
    (folder / "parts.sql").write_text(MAPPING)
    return shop(
        folder, "log-{year}-{month}-{day}.csv", ingest={"relations": {"files": files, "sql": "parts.sql"}}, **over
    )


def test_rows_are_taken_refused_or_said_again(tmp_path: Path) -> None:
    config = parts(tmp_path)
    lines = [
        relation("nova", "battery", "cell", "2024-03-01"),
        relation(None, "battery", "cell"),
        relation("nova", "battery", None),
        relation("nova", "battery", "nova"),
        relation("nova", "b" * 201, "cell"),
        relation("nova", "battery", "cell", "soon"),
        relation("n" * 300, "battery", "cell"),
        relation("nova", None, "cell"),
        relation("nova", "battery", "cell", "2024-02-01"),
    ]
    write(tmp_path / f"parts-{FIRST}.csv", lines)
    night = ingest(config, FIRST)
    assert [tuple(one.values()) for one in rows_of(night, "relations")] == [
        ("nova", "battery", "cell", date(2024, 2, 1)),
        ("nova", None, "cell", None),
    ]
    name = f"parts-{FIRST}.csv"
    assert [tuple(one.values()) for one in rows_of(night, "relation_rejects")] == [
        (name, 2, "thing is missing"),
        (name, 3, "other_thing is missing"),
        (name, 4, "the thing is related to itself"),
        (name, 5, "relation is longer than 200 characters"),
        (name, 6, "what valid_until says is no time"),
        (name, 7, "a thing is longer than ingest.max_id_bytes"),
    ]
    report = artifacts.read_manifest(night)["report"]
    assert (report["relations"], report["relation_rejects"]) == (2, 6)
    assert report["relations: said again by a later row"] == 1
    assert report["relations: refused, as thing is missing"] == 1


def test_a_shop_without_relations_has_no_file_of_them(tmp_path: Path) -> None:
    write(tmp_path / f"log-{FIRST}.csv", [row("u", "a", f"{FIRST} 10:00:00")])
    night = ingest(shop(tmp_path, "log-{year}-{month}-{day}.csv"), FIRST)
    assert not {"relations.parquet", "relation_rejects.parquet"} & digests(night).keys()
    assert not any("relation" in name for name in artifacts.read_manifest(night)["report"])
    assert not (ingest(parts(tmp_path / "silent"), FIRST) / "relations.parquet").is_file()


def test_history_is_the_same_bytes_as_nights(tmp_path: Path) -> None:
    one, many = parts(tmp_path / "one"), parts(tmp_path / "many")
    for night in (FIRST, SECOND):
        for folder in ("one", "many"):
            write(tmp_path / folder / f"parts-{night}.csv", [relation("nova", f"battery of {night}", "cell")])
    load_history.load_history(one, SECOND)
    for night in (FIRST, SECOND):
        folder = ingest(many, night)
        assert [known["relation"] for known in rows_of(folder, "relations")] == [f"battery of {night}"]
        assert digests(folder) == digests(artifacts.stage_dir(one.lake, "ingest", night))


def test_a_late_row_is_counted_and_its_night_takes_it_again(tmp_path: Path) -> None:
    config = parts(tmp_path)
    write(tmp_path / f"parts-{FIRST}.csv", [relation("nova", "battery", "cell")])
    ingest(config, FIRST)
    write(tmp_path / f"parts-{FIRST}.csv", [relation("nova", "battery", "cell"), relation("nova", "charger", "plug")])
    second = ingest(config, SECOND)
    assert artifacts.read_manifest(second)["report"]["relations: left out, as their night was over"] == 1
    assert not (second / "relations.parquet").is_file()
