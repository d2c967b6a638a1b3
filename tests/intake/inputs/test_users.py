"""Attributes of users: declared, mapped, cast or counted, kept by the night they were known, and forgotten."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import forget, load_history
from pipeline.privacy import pseudonyms
from pipeline.settings.config import Config
from tests.on_disk import everything_under
from tests.tiny_log import digests, row, rows_of, shop, write
from tests.tiny_log import ingest as ingest_night

MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 1, 2)
LOG = [row("ann", "a", "2024-01-01 10:00:00"), row("ben", "a", "2024-01-02 10:00:00")]
ATTRIBUTES = {"joined": "date", "country": "word", "age": "number"}
MAPPING = (
    "select who as user_id, land as country, years as age, since as joined, seen as arrived_at, _file, _row from raw"
)


def person(who: str | None, seen: str, land: Any = None, years: Any = None, since: Any = None) -> dict[str, Any]:
    return {"who": who, "land": land, "years": years, "since": since, "seen": seen}


def a_shop(folder: Path, people: list[dict[str, Any]], home: str = "home", **ingest: Any) -> Config:
    write(folder / "log.csv", LOG)
    write(folder / "people.jsonl", people)
    (folder / "people.sql").write_text(ingest.pop("mapping", MAPPING))
    files = {"files": "people.jsonl", "sql": "people.sql", "attributes": ingest.pop("attributes", ATTRIBUTES)}
    return shop(folder, "log.csv", home=folder / home, ingest={"users": files} | ingest)


def said(config: Config, night: date) -> dict[tuple[str, str], str]:
    rows = rows_of(artifacts.stage_dir(config.lake, "ingest", night), "users")
    assert rows == sorted(rows, key=lambda one: (one["user_id"], one["name"]))
    return {(one["user_id"], one["name"]): one["value"] for one in rows}


def test_a_night_keeps_what_was_said_last_of_every_attribute(tmp_path: Path) -> None:
    people = [
        person("ann", "2024-01-01 09:00:00", " France ", "34", "2019-05-06 23:30:00"),
        person("ann", "2024-01-01 08:00:00", "Spain", 33),  # read later, said earlier
        person("ann", "2024-01-01 10:00:00", None, "34.5"),  # null says nothing
        person("ben", "2024-01-02 07:00:00", 7.0, "NaN", "2024-01-02"),
    ]
    config = a_shop(tmp_path, people)
    for night in (MONDAY, TUESDAY):
        ingest_night(config, night)
    assert said(config, MONDAY) == {
        ("ann", "age"): "34.5",
        ("ann", "country"): "France",
        ("ann", "joined"): "2019-05-06",
    }
    assert said(config, TUESDAY) == {("ben", "country"): "7", ("ben", "joined"): "2024-01-02"}
    whole = a_shop(tmp_path, people, home="whole")
    load_history.load_history(whole, TUESDAY)
    for night in (MONDAY, TUESDAY):
        one, other = (artifacts.stage_dir(c.lake, "ingest", night) for c in (config, whole))
        assert digests(one) == digests(other)


def test_what_was_said_before_the_log_began_is_known_since_its_first_night(tmp_path: Path) -> None:
    """Of several such days the last one's word holds."""
    days = ["2023-12-05", "2023-12-30", "2023-12-07"]
    people = [person("ann", day, f"land{n}", n if day < "2023-12-10" else None) for n, day in enumerate(days)]
    config = a_shop(tmp_path, people)
    load_history.load_history(config, TUESDAY)
    assert said(config, MONDAY) == {("ann", "country"): "land1", ("ann", "age"): "2.0"}
    assert said(config, TUESDAY) == {}


def test_what_is_of_no_use_is_left_out_counted_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    people = [
        person("ann", "2024-01-01", "x" * 101, "thirty", "someday"),
        person("ben", "2024-01-01", "two\nlines", "inf", "infinity"),
        person("ann", "2024-01-01", "\u0000", None, None),
        person(None, "2024-01-01", "France", 1, "2024-01-01"),
        person("y" * 300, "2024-01-01", "France"),
        person("ann", "never", "France", 1),
    ]
    config = a_shop(tmp_path, people)
    report = artifacts.read_manifest(ingest_night(config, MONDAY))["report"]
    assert said(config, MONDAY) == {}
    assert {fault: rows for fault, rows in report.items() if fault.startswith("users: ")} == {
        "users: without country, which is longer than 100 bytes": 1,
        "users: without country, which is no single line": 2,
        "users: without age, which is not a number": 1,
        "users: without age, which is out of range": 1,
        "users: without joined, which is not a day": 2,
        "users: left out, as user_id is missing": 1,
        "users: left out, as user_id is too long": 1,
        "users: left out, as arrived_at is missing or not a time": 1,
    }
    assert "users: without age, which is not a number" in caplog.text
    assert "thirty" not in caplog.text


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        (
            "select who as user_id, land as country, years as age, since as joined, seen, _file from raw",
            r"selects columns that are none \(users has .*country.*; name more in ingest\.users\.attributes\): seen$",
        ),
        ("select who as user_id, land as country, since as joined, _file from raw", r"must also select \['age'\]"),
        ("select land as country, years as age, since as joined, _file from raw", r"must also select \['user_id'\]"),
    ],
)
def test_a_mapping_gives_what_is_declared_and_nothing_else(tmp_path: Path, mapping: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ingest_night(a_shop(tmp_path, [person("ann", "2024-01-01")], mapping=mapping), MONDAY)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"Country": "word"}, "String should match pattern"),
        ({"country": "text"}, "Input should be 'word', 'number' or 'date'"),
        ({"user_id": "word"}, "user_id, which is no attribute"),
        ({f"a{n}": "word" for n in range(51)}, "at most 50"),
    ],
)
def test_a_declaration_that_is_none_is_refused(tmp_path: Path, attributes: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        a_shop(tmp_path, [person("ann", "2024-01-01")], attributes=attributes)


def test_users_without_attributes_are_nothing_to_keep(tmp_path: Path) -> None:
    config = a_shop(
        tmp_path, [person("ann", "2024-01-01")], mapping="select who as user_id, _file from raw", attributes={}
    )
    ingest_night(config, MONDAY)
    assert said(config, MONDAY) == {}


def test_one_file_with_all_users_needs_no_day_and_may_be_the_log_itself(tmp_path: Path) -> None:
    mapping = "select who as user_id, land as country, _file from raw"
    config = a_shop(tmp_path, [person("ann", "", "France")], mapping=mapping, attributes={"country": "word"})
    ingest_night(config, TUESDAY)
    assert said(config, TUESDAY) == {("ann", "country"): "France"}
    (tmp_path / "people.sql").write_text(
        'select "user" as user_id, item as country, ts as arrived_at, _file, _row from raw'
    )
    files = config.ingest.users.model_copy(update={"files": "log.csv"})  # type: ignore[union-attr]
    config = config.model_copy(update={"home": tmp_path / "other"})
    config = config.model_copy(update={"ingest": config.ingest.model_copy(update={"users": files})})
    ingest_night(config, MONDAY)
    assert said(config, MONDAY) == {("ann", "country"): "a"}


@pytest.mark.parametrize("hidden", [False, True])
def test_pseudonyms_and_forget_reach_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hidden: bool) -> None:
    monkeypatch.setenv(pseudonyms.VARIABLE, "a-key-of-the-test-0123456789")
    people = [person(who, "2024-01-01", "France") for who in ("person-1", "person-2")]
    config = a_shop(tmp_path, people, pseudonyms=hidden)
    ingest_night(config, MONDAY)
    one, two = (pseudonyms.stored(config, f"person-{n}") for n in (1, 2))
    assert said(config, MONDAY) == {(who, "country"): "France" for who in sorted((one, two))}
    if hidden:
        assert b"person-" not in everything_under(config.home)
    (receipt,) = forget.forget(config, ["person-2"], TUESDAY)
    assert json.loads(receipt.read_text())["rows"]["users"] == 1
    assert said(config, MONDAY) == {(one, "country"): "France"}
    load_history.load_history(config, MONDAY)
    assert set(said(config, MONDAY)) == {(one, "country")}
    assert b"person-2" not in everything_under(config.home)
