"""Folders named key=value: no columns by default, columns where a shop asks for them, never over one of the file's."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground.errors import InputError
from pipeline.intake import folders
from tests.tiny_log import MAPPING, ingest, row, rows_of, shop, write

NIGHT = date(2024, 2, 29)
LINE = row("u1", "a", "2024-02-29 10:00:00")
COUNTRY = MAPPING.replace("_file", "country as session_id, _file")


def settings(**more: Any) -> dict[str, Any]:
    return {"events": {"sql": "events.sql", **more}}


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl", "log.parquet", "log.csv.gz", "log.jsonl.zst"])
@pytest.mark.parametrize("asked", [False, True])
def test_a_folders_name_overrides_no_column(tmp_path: Path, name: str, asked: bool) -> None:
    """Neither below the shop's folder nor above it."""
    folder = tmp_path / "item=above" / "shop"
    write(folder / "logs" / "user=acme" / "TS=2024-02-28" / "type=view" / "_row=7" / name, [LINE])
    given = settings(files=f"logs/**/{name}", hive_partitioning=asked)
    (event,) = rows_of(ingest(shop(folder, ingest=given), NIGHT))
    assert (event["user_id"], event["item_id"], event["event_type"]) == ("u1", "a", "purchase")
    assert event["event_time"].date() == NIGHT


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl", "log.parquet"])
def test_a_shop_may_ask_for_the_columns_of_its_folders(tmp_path: Path, name: str) -> None:
    write(tmp_path / "country=fr" / name, [LINE])
    write(tmp_path / "country=c%C3%B4te%3Dd" / name, [LINE | {"item": "b"}])
    write(tmp_path / "country=__HIVE_DEFAULT_PARTITION__" / name, [LINE | {"item": "c"}])
    write(tmp_path / "elsewhere" / name, [LINE | {"item": "d"}, LINE | {"item": "e", "type": "poke"}])
    given = settings(files=f"**/{name}", hive_partitioning=True)
    folder = ingest(shop(tmp_path, mapping=COUNTRY, ingest=given | {"max_reject_share": 1}), NIGHT)
    assert {e["item_id"]: e["session_id"] for e in rows_of(folder)} == {
        "a": "fr",
        "b": "c\u00f4te=d",
        "c": None,
        "d": None,
    }
    assert [(r["file"], r["row"]) for r in rows_of(folder, "rejects")] == [(f"elsewhere/{name}", 2)]


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl", "log.parquet"])
def test_what_a_folder_says_does_not_follow_from_the_files_beside_it(tmp_path: Path, name: str) -> None:
    """One file has the column itself, empty in a row; the other's rows have what its folder says."""
    write(tmp_path / "country=fr" / name, [LINE])
    given = settings(files=f"**/{name}", hive_partitioning=True)
    alone = rows_of(ingest(shop(tmp_path, home=tmp_path / "a", mapping=COUNTRY, ingest=given), NIGHT))
    own = [LINE | {"item": "b", "country": "de"}, LINE | {"item": "c", "country": None}]
    write(tmp_path / "country=es" / name, own)
    together = rows_of(ingest(shop(tmp_path, home=tmp_path / "b", mapping=COUNTRY, ingest=given), NIGHT))
    assert {e["item_id"]: e["session_id"] for e in alone} == {"a": "fr"}
    assert {e["item_id"]: e["session_id"] for e in together} == {"a": "fr", "b": "de", "c": None}


def test_a_folders_key_that_is_a_number_in_another_file_stops(tmp_path: Path) -> None:
    write(tmp_path / "country=fr" / "log.parquet", [LINE])
    write(tmp_path / "country=es" / "log.parquet", [LINE | {"country": 34}])
    given = settings(files="**/log.parquet", hive_partitioning=True)
    with pytest.raises(InputError, match=r"country=fr/log.parquet: its folder says country, .* type BIGINT in other"):
        ingest(shop(tmp_path, mapping=COUNTRY, ingest=given), NIGHT)


def test_the_home_may_stand_in_any_folder(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", [LINE])
    home = tmp_path / "event_id=1" / "price=2"
    assert len(rows_of(ingest(shop(tmp_path, "log.csv", home=home), NIGHT))) == 1
    write(tmp_path / "log.csv", [LINE, LINE | {"ts": "2024-03-01 10:00:00"}])
    assert len(rows_of(ingest(shop(tmp_path, "log.csv", home=home), date(2024, 3, 1)))) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("log.csv", {}),
        ("a=1/b=/log.csv", {"a": "1", "b": ""}),
        ("a=1/a=2/x/c=d=e/f=g.csv", {"a": "2", "c": "d=e"}),
        ("=1/==/a/log.csv", {}),
    ],
)
def test_what_folders_say(name: str, said: dict[str, str]) -> None:
    assert folders.columns_of(Path(name)) == said
