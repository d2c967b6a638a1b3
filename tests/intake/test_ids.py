"""Ids in one spelling, whatever type a file has for them: 7 and 7.0 are one customer, and 1.10 is what it is."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts, sql
from pipeline.ground.errors import InputError
from pipeline.intake import ids
from pipeline.operations import forget, load_history
from pipeline.privacy import suppression
from pipeline.publication import editorial
from pipeline.settings.sections.data import InputFiles
from tests.tiny_log import digests, ingest, rows_of, shop

MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 1, 2)
MAPPING = """
select event as event_id, "user" as user_id, item as item_id, "session" as session_id,
    try_cast(ts as timestamp) as event_time, 'purchase' as event_type, _file, _row
from raw
"""
ITEMS = "select item as item_id, 'Title' as title, try_cast(ts as timestamp) as arrived_at, _file from raw"
NAMES = ("event", "user", "item", "session")
WHOLE, LARGE = "user_id is a number that is not whole", "user_id is a float, and too large for one"


def parquet(path: Path, values: list[Any], kind: pa.DataType, night: date = MONDAY) -> None:
    """A log whose ids are all of one type; event ids differ by night."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: pa.array(values, kind) for name in NAMES[1:]}
    numbers = [None if value is None else value + 100 * night.day for value in values]
    columns |= {"event": pa.array(numbers, kind), "ts": pa.array([f"{night} 10:00:00"] * len(values))}
    pq.write_table(pa.table(columns), path)


def csv(path: Path, users: list[str], night: date = MONDAY) -> None:
    """A log whose other ids are the users', with an item of its own."""
    lines = [f"{night}-{n},{user},i,{user},{night} 10:00:00" for n, user in enumerate(users)]
    path.write_text("\n".join([f"{','.join(NAMES)},ts", *lines]) + "\n")


def all_ids(folder: Path) -> list[tuple[str, ...]]:
    return sorted((e["event_id"], e["user_id"], e["item_id"], e["session_id"]) for e in rows_of(folder))


@pytest.mark.parametrize("gap", [pa.float64(), pa.float32(), pa.decimal128(12, 2)])
@pytest.mark.few(1)
def test_one_file_with_a_gap_gives_the_same_customers(tmp_path: Path, gap: pa.DataType) -> None:
    """pandas writes integers with a missing one as floats; both nights have the customers 7 and 12."""
    parquet(tmp_path / "2024-01-01.parquet", [7, 12], pa.int64())
    parquet(tmp_path / "2024-01-02.parquet", [7, None, 12], gap, TUESDAY)
    settings = {"mapping": MAPPING, "items": ITEMS, "ingest": {"max_reject_share": 1}}
    live, loaded = (shop(tmp_path, "{year}-*.parquet", home=tmp_path / home, **settings) for home in ("a", "b"))
    load_history.load_history(loaded, TUESDAY)
    found = [ingest(live, night) for night in (MONDAY, TUESDAY)]
    assert [all_ids(folder) for folder in found] == [
        [("107", "7", "7", "7"), ("112", "12", "12", "12")],
        [("207", "7", "7", "7"), ("212", "12", "12", "12")],
    ]
    assert [sorted(i["item_id"] for i in rows_of(folder, "items")) for folder in found] == [["12", "7"]] * 2
    assert [r["reason"] for r in rows_of(found[1], "rejects")] == ["item_id is missing"]
    for folder, night in zip(found, (MONDAY, TUESDAY), strict=True):
        assert digests(folder) == digests(artifacts.stage_dir(loaded.lake, "ingest", night))


def test_one_text_file_with_a_gap_gives_the_same_customers(tmp_path: Path) -> None:
    csv(tmp_path / "2024-01-01.csv", ["7", "12"])
    csv(tmp_path / "2024-01-02.csv", ["7.0", "", "12.0"], TUESDAY)
    config = shop(tmp_path, "{year}-{month}-{day}.csv", mapping=MAPPING)
    found = [[e["user_id"] for e in rows_of(ingest(config, night))] for night in (MONDAY, TUESDAY)]
    assert found == [["7", "12"], ["7", None, "12"]]


# as the log has it -> as it is kept, or why it is not
TEXTS: dict[str, str | None] = {
    "7": "7",
    "7.0": "7",
    "-7.0": "-7",
    "0.0": "0",
    "9007199254740991.0": "9007199254740991",
    "9007199254740993.0": LARGE,  # 2^53 + 1: the file may have meant its neighbour
    "9007199254740993": "9007199254740993",
    "1.2345678901234568e+17": LARGE,
    "1.23457E+12": LARGE,  # a spreadsheet's
    "nan": None,
    "None": None,
    "<NA>": None,
    "NaN": None,
    "": None,
    "007": "007",
    "007.0": "007.0",
    "1.10": "1.10",
    "7.00": "7.00",
    "7.5": "7.5",
    "1e5": "1e5",
    "v1.0": "v1.0",
    "1.0.0": "1.0.0",
    "+7.0": "+7.0",
    ".0": ".0",
    "a+b": "a+b",
    "nancy": "nancy",
}
FLOATS = {7.0: "7", -3.0: "-3", 7.5: WHOLE, 1e20: LARGE, 2.0**53: LARGE, 2.0**53 - 1: "9007199254740991", 0.1: WHOLE}
FLOATS |= {float("inf"): WHOLE, float("nan"): None}


def outcomes(folder: Path) -> list[str | None]:
    """By row: the user's id, or why it was refused."""
    refused = {row["row"]: row["reason"] for row in rows_of(folder, "rejects")}
    taken = {int(e["event_id"].rsplit("-", 1)[1]) + 1: e["user_id"] for e in rows_of(folder)}
    return [outcome for _, outcome in sorted((refused | taken).items())]


def test_a_text_is_an_integer_only_where_pandas_made_it_a_float(tmp_path: Path) -> None:
    csv(tmp_path / "log.csv", list(TEXTS))
    config = shop(tmp_path, "log.csv", mapping=MAPPING.replace('"session"', "''"), ingest={"max_reject_share": 1})
    assert dict(zip(TEXTS, outcomes(ingest(config, MONDAY)), strict=True)) == TEXTS


def test_a_float_is_its_integer_where_that_is_known(tmp_path: Path) -> None:
    columns = {
        "event": [f"e-{n}" for n in range(len(FLOATS))],
        "user": list(FLOATS),
        "item": ["i"] * len(FLOATS),
        "session": [None] * len(FLOATS),
        "ts": [f"{MONDAY} 10:00:00"] * len(FLOATS),
    }
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    config = shop(tmp_path, "log.parquet", mapping=MAPPING, ingest={"max_reject_share": 1})
    assert outcomes(ingest(config, MONDAY)) == list(FLOATS.values())


def test_a_float_beside_long_integers_merges_nobody_and_refuses_none(tmp_path: Path) -> None:
    """Read together as numbers the two would be floats, in which 2^53 and 2^53 + 1 are the same."""
    parquet(tmp_path / "2024-01-01.parquet", [2**53, 2**53 + 1], pa.int64())
    config = shop(tmp_path, "{year}-*.parquet", mapping=MAPPING, ingest={"max_reject_share": 1})
    alone = ingest(config, MONDAY)
    assert [e["user_id"] for e in rows_of(alone)] == [str(2**53), str(2**53 + 1)]
    parquet(tmp_path / "2024-01-02.parquet", [7, None], pa.float64(), TUESDAY)
    again = shop(tmp_path, "{year}-*.parquet", mapping=MAPPING, home=tmp_path / "again", ingest={"max_reject_share": 1})
    folder = ingest(again, MONDAY)
    assert digests(folder) == digests(alone)
    assert rows_of(folder, "rejects") == []


def test_json_numbers_are_ids_too(tmp_path: Path) -> None:
    rows = ["7", "7.0", '"7.0"', "NaN", "null", "1e20"]
    lines = [f'{{"event": "e-{n}", "user": {u}, "item": 1.0, "ts": "{MONDAY} 10:00:00"}}' for n, u in enumerate(rows)]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n")
    config = shop(tmp_path, mapping=MAPPING.replace('"session"', "null"), ingest={"max_reject_share": 1})
    folder = ingest(config, MONDAY)
    assert outcomes(folder) == ["7", "7", "7", None, None, LARGE]
    assert {e["item_id"] for e in rows_of(folder)} == {"1"}


def test_editors_name_an_item_in_any_of_its_spellings(tmp_path: Path) -> None:
    pq.write_table(pa.table({"kind": ["block", "block"], "item_id": [7.0, 12.0]}), tmp_path / "rules.parquet")
    (tmp_path / "rules.sql").write_text("select kind, item_id, _file, _row from raw")
    config = shop(tmp_path)
    rules = InputFiles(files="rules.parquet", sql="rules.sql")
    config = config.model_copy(update={"publish": config.publish.model_copy(update={"editorial": rules})})
    assert [rule["item_id"] for rule in editorial.read(config, MONDAY).rows] == ["7", "12"]
    pq.write_table(pa.table({"kind": ["block"], "item_id": [7.5]}), tmp_path / "rules.parquet")
    with pytest.raises(InputError, match=r"rules\.parquet row 1: item_id is a number that is not whole"):
        editorial.read(config, MONDAY)


@pytest.mark.parametrize("asked", ["7", "7.0"])
def test_a_person_is_forgotten_in_every_spelling(tmp_path: Path, asked: str) -> None:
    csv(tmp_path / "log.csv", ["7.0", "7", "71", "1.10"])
    config = shop(tmp_path, "log.csv", mapping=MAPPING.replace('"session"', "'s'"), ingest={"max_reject_share": 1})
    ingest(config, MONDAY)
    forget.forget(config, [asked], MONDAY)
    folder = artifacts.stage_dir(config.lake, "ingest", MONDAY)
    assert [e["user_id"] for e in rows_of(folder)] == ["71", "1.10"]
    load_history.load_history(config, MONDAY)
    assert [e["user_id"] for e in rows_of(folder)] == ["71", "1.10"]


@pytest.mark.parametrize("listed", ["7", "7.0"])
def test_a_refused_row_that_names_the_forgotten_in_any_spelling_is_not_kept(tmp_path: Path, listed: str) -> None:
    lines = ["event,user,item,session,ts", *(f"e{n},u,,{s},{MONDAY}" for n, s in enumerate(["7.0", "7", "8"]))]
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    mapping = MAPPING.replace('"session"', "null")
    config = shop(tmp_path, "log.csv", mapping=mapping, ingest={"max_reject_share": 1})
    with suppression.lock(config, alone=True):
        suppression.add(config, [listed])
    assert [bool(r["raw"]) for r in rows_of(ingest(config, MONDAY), "rejects")] == [False, False, True]


def test_what_a_person_types_is_spelled_as_ingest_spells_it() -> None:
    with sql.connect(1, 512) as connection:
        sql.execute(connection, "ingest/values")
        for text, kept in TEXTS.items():
            if kept == text or (kept is not None and " " not in kept):
                assert connection.execute("select whole(?::varchar)", [text]).fetchall() == [(ids.canonical(text),)]
    assert ids.forms("7.0") == ["7.0", "7"]
    assert ids.forms("7") == ["7", "7.0"]
    assert ids.forms("1.10") == ["1.10"]
