"""Of JSON Lines only the keys that a mapping names are read: no other key stops a night, or costs it a row."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import sql
from pipeline.intake import selects
from tests.tiny_log import MAPPING, ingest, row, rows_of, shop

NIGHT = date(2024, 1, 1)
ALL = MAPPING.replace("from raw", "from (select * from raw)")
AT = row("u", "i", "2024-01-01 10:00:00")


def items_of(tmp_path: Path, lines: list[Mapping[str, Any]], mapping: str) -> dict[str, str | None]:
    """The user of each item that is taken from lines of JSON; none is refused."""
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    folder = ingest(shop(tmp_path, mapping=mapping), NIGHT)
    assert rows_of(folder, "rejects") == []
    return {event["item_id"]: event["user_id"] for event in rows_of(folder)}


@pytest.mark.parametrize("mapping", [MAPPING, ALL])
@pytest.mark.parametrize(
    "odd",
    [
        {"USER": "other", "Item": "other"},
        {"_file": "theirs", "_row": 3, "_FILE": "theirs too", "_Row": None, "__row": 4},
        {"file_of_row_for_nightjar": "theirs"},
        {f"key{n}": n for n in range(20_000)},
        {f"{AT['item']}\0{n}" + "\x1b": n for n in range(3)} | {"": 1, " ": 2, '"': 3, "a.b": 4, "null": None},
        {"raw": "r", "select": "s", "unreadable": 1, "named": 2},
        {"deep": [[[[{"a": {"user": "other"}}]]]]},
    ],
)
@pytest.mark.few(3)
def test_no_other_key_stops_a_night(tmp_path: Path, odd: dict[str, object], mapping: str) -> None:
    lines = [AT | {"item": "before"}, odd | AT | {"item": "odd"}, AT | odd | {"item": "last"}, AT | {"item": "after"}]
    assert items_of(tmp_path, lines, mapping) == dict.fromkeys(["before", "odd", "last", "after"], "u")


@pytest.mark.parametrize("mapping", [MAPPING, ALL])
@pytest.mark.parametrize("keys", [("USER", "user"), ("user", "USER"), ("User", "user")])
def test_of_keys_that_differ_in_case_the_mappings_own_spelling_counts(
    tmp_path: Path, keys: tuple[str, str], mapping: str
) -> None:
    line = {keys[0]: keys[0], keys[1]: keys[1], "item": "i", "ts": AT["ts"], "type": AT["type"]}
    assert items_of(tmp_path, [line], mapping) == {"i": "user"}


def test_a_key_of_another_case_is_found_where_the_mappings_own_is_not(tmp_path: Path) -> None:
    line = {"User": "u", "ITEM": "i", "Ts": AT["ts"], "type": AT["type"]}
    assert items_of(tmp_path, [line], MAPPING) == {"i": "u"}


def test_a_mapping_may_name_a_single_key(tmp_path: Path) -> None:
    time = "(what->>'ts')::timestamp as event_time"
    mapping = f"select what->>'item' as item_id, {time}, 'purchase' as event_type, _file, _row from raw"
    assert items_of(tmp_path, [{"what": AT}, {"what": AT | {"item": "j"}}], mapping) == {"i": None, "j": None}


def test_a_line_that_is_none_costs_its_neighbours_nothing(tmp_path: Path) -> None:
    good = json.dumps(AT)
    bad = '{"user": "u", "item":'
    (tmp_path / "log.jsonl").write_text(f"{good}\n{bad}\n{good.replace('10:', '11:')}\n")
    folder = ingest(shop(tmp_path, ingest={"max_reject_share": 1}), NIGHT)
    assert len(rows_of(folder)) == 2
    (refused,) = rows_of(folder, "rejects")
    assert (refused["row"], refused["reason"], json.loads(refused["raw"])) == (2, "unreadable: not valid JSON", bad)


@pytest.mark.parametrize(
    ("mapping", "every"),
    [
        ('select "a b", count(*) from raw r where r.c in (select d from raw) group by e', False),
        ("with t as (select a from raw) select t.a, unnest(b) as c from t join raw using (d)", False),
        ("from raw", True),
        ("select raw.* from raw", True),
        ("select count(distinct columns('a')) from raw", True),
        ("select to_json(raw) from raw", True),
        ("select r from raw r", True),
        ("select a from raw natural join raw as other", True),
        ("select b from raw as r(a, b)", True),
        ("select #1 from raw", True),
        ("pivot raw on a in (1) using sum(b)", True),
        ("unpivot raw on a, b into name c value d", True),
        ("selekt", True),
    ],
)
def test_whether_a_mapping_names_all_that_it_takes(mapping: str, every: bool) -> None:
    with sql.connect(1, 100) as connection:
        asked = selects.named(connection, mapping)
    assert asked.every == every
    if not every:
        assert {"a b", "c", "d", "e"} <= asked.words or {"a", "b", "d"} <= asked.words
