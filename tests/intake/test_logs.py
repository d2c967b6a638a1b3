"""Finding log files by name and date, and reading damaged ones."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline.ground import sql
from pipeline.ground.errors import InputError
from pipeline.intake import logs
from pipeline.settings.sections.data import InputFiles
from tests.tiny_log import ingest, row, rows_of, shop, write

NIGHT = date(2024, 2, 29)


def names(files: list[logs.LogFile]) -> list[str]:
    return [file.path.name for file in files]


def test_a_night_needs_the_files_of_its_date_and_of_the_day_before(tmp_path: Path) -> None:
    for name in ("2024-02.csv", "2024-03.csv", "2024-04.csv", "2023-12.csv", "2024-xx.csv"):
        (tmp_path / name).touch()
    config = shop(tmp_path, "{year}-{month}.csv")
    assert config.ingest.events is not None
    following = NIGHT + timedelta(days=1)
    assert names(logs.find(config.ingest.events, config, NIGHT)) == ["2024-02.csv"]
    assert names(logs.find(config.ingest.events, config, following)) == ["2024-02.csv", "2024-03.csv"]
    assert names(logs.find(config.ingest.events, config, following + timedelta(days=1))) == ["2024-03.csv"]
    everything = logs.find(config.ingest.events, config)
    assert names(everything) == ["2023-12.csv", "2024-02.csv", "2024-03.csv", "2024-04.csv"]
    assert [(f.first_day, f.last_day) for f in everything[:2]] == [
        (date(2023, 12, 1), date(2023, 12, 31)),
        (date(2024, 2, 1), NIGHT),
    ]


def test_folders_and_wildcards(tmp_path: Path) -> None:
    for name in ("logs/2024/shop-a.02.29.csv", "logs/2024/shop-b.02.29.csv", "logs/2024/shop-a.03.05.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    config = shop(tmp_path, "logs/{year}/shop-*.{month}.{day}.csv")
    assert config.ingest.events is not None
    found = logs.find(config.ingest.events, config, NIGHT)
    assert names(found) == ["shop-a.02.29.csv", "shop-b.02.29.csv"]
    assert {(f.first_day, f.last_day) for f in found} == {(NIGHT, NIGHT)}


def test_a_date_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "2024-13.csv").touch()
    config = shop(tmp_path, "{year}-{month}.csv")
    assert config.ingest.events is not None
    with pytest.raises(InputError, match=r"2024-13\.csv: the date in its name is none"):
        logs.find(config.ingest.events, config)


@pytest.mark.parametrize(
    ("files", "kind"), [("a.csv.gz", "csv"), ("a/*.ndjson.zst", "jsonl"), ("x.parquet", "parquet"), ("*.json", "jsonl")]
)
def test_the_format_is_in_the_name(files: str, kind: str) -> None:
    assert logs.format_of(InputFiles(files=files, sql="s")) == kind


def test_an_unclear_format_is_an_error() -> None:
    with pytest.raises(InputError, match="set format to"):
        logs.format_of(InputFiles(files="log.txt", sql="s"))
    assert logs.format_of(InputFiles(files="log.txt", sql="s", format="csv")) == "csv"


def test_no_file_names_the_glob_and_the_night(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no log file of 2024-02-29 matches 'nothing-\*.csv'"):
        ingest(shop(tmp_path, "nothing-*.csv"), NIGHT)


GOOD = b"user,item,ts,type\nu1,a,2024-02-29 10:00:00,purchase\n"


def test_lines_that_cannot_be_read_are_refused_with_their_place(tmp_path: Path) -> None:
    bad = [b"u2,b\n", b"u3,c,2024-02-29 10:00:00,purchase,5,6\n", b"u\xff,d,2024-02-29 10:00:00,purchase\n"]
    after = b'u4,"e,\nf",2024-02-29 11:00:00,purchase\nu5,g,2024-02-29 11:00:00,poke\n'
    (tmp_path / "log.csv").write_bytes(GOOD + b"".join(bad) + after)
    folder = ingest(shop(tmp_path, "log.csv", ingest={"max_reject_share": 1}), NIGHT)
    assert [e["item_id"] for e in rows_of(folder)] == ["a", "e,\nf"]
    assert [(r["row"], r["reason"]) for r in rows_of(folder, "rejects")] == [
        (2, "unreadable: missing columns"),
        (3, "unreadable: too many columns"),
        (4, "unreadable: invalid encoding"),
        (6, "event_type is not in features.event_types"),
    ]
    assert {r["file"] for r in rows_of(folder, "rejects")} == {"log.csv"}


def test_json_lines_that_are_none_are_refused(tmp_path: Path) -> None:
    good = b'{"user": "u1", "item": "a", "ts": "2024-02-29 10:00:00", "type": "purchase"}\n'
    nested = b'{"user": -7, "item": {"id": 1}, "ts": "2024-02-29 11:00:00", "type": "purchase"}\n'
    (tmp_path / "log.jsonl").write_bytes(good + b'{"user": "u2", "it\n' + nested + b"[1]\n")
    folder = ingest(shop(tmp_path, ingest={"max_reject_share": 1}), NIGHT)
    assert [(e["user_id"], e["item_id"]) for e in rows_of(folder)] == [("u1", "a"), ("-7", '{"id":1}')]
    assert [(r["row"], r["reason"]) for r in rows_of(folder, "rejects")] == [
        (2, "unreadable: not valid JSON"),
        (4, "unreadable: no JSON object"),
    ]
    assert [json.loads(r["raw"]) for r in rows_of(folder, "rejects")] == ['{"user": "u2", "it', "[1]"]


def test_a_truncated_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    rows = [row(f"u{n * 7919 % 997}", f"i{n * 31 % 89}", "2024-02-29 10:00:00") for n in range(3000)]
    for name in ("log.csv.gz", "log.csv.zst", "log.parquet", "log.jsonl.gz"):
        write(tmp_path / name, rows)
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(InputError, match="log"):
            ingest(shop(tmp_path, name), NIGHT)


@pytest.mark.parametrize("header", [b",\n", b"a,a\n", b"a,,b\n"])
def test_a_header_must_name_each_column_once(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "log.csv").write_bytes(header)
    with pytest.raises(InputError, match="first line must name its columns"):
        ingest(shop(tmp_path, "log.csv"), NIGHT)


def test_rows_are_numbered_over_all_files(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(GOOD + b"u2,b,2024-02-29 10:00:00,purchase\n")
    config = shop(tmp_path, "*.csv")
    assert config.ingest.events is not None
    connection = sql.connect(2, 256)
    logs.read(connection, config.ingest.events, logs.find(config.ingest.events, config), config)
    found = connection.execute("select _row, item, parse_filename(_file) from raw order by _row").fetchall()
    assert found == [(1, "a", "a.csv"), (2, "b", "a.csv"), (3, "a", "b.csv"), (4, "b", "b.csv")]


FILES = ["log[1]", "log1", "log[!1]", "log*", "log-x", "log'1", "log#{a}"]


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".jsonl", ".jsonl.zst", ".parquet"])
def test_a_files_name_is_no_pattern(tmp_path: Path, ending: str) -> None:
    """Nor is a folder's, of the shop or of the home."""
    folder = tmp_path / "shop[1]*"
    for number, name in enumerate(FILES):
        write(folder / f"{name}{ending}", [row("u", f"i{number}", f"2024-0{m}-01 10:00:00") for m in (2, 3)])
    config = shop(folder, f"*{ending}")
    for night in (date(2024, 2, 1), date(2024, 3, 1)):
        found = ingest(config, night)
        assert sorted(e["item_id"] for e in rows_of(found)) == [f"i{n}" for n in range(len(FILES))]
        assert rows_of(found, "rejects") == []


def test_a_question_mark_is_one_too_but_not_in_a_packed_files_name(tmp_path: Path) -> None:
    for name in ("log?.csv", "logx.csv"):
        write(tmp_path / name, [row("u", name, "2024-02-29 10:00:00")])
    found = {e["item_id"] for e in rows_of(ingest(shop(tmp_path, "log*.csv"), NIGHT))}
    assert found == {"log?.csv", "logx.csv"}
    write(tmp_path / "log?.csv.gz", [row("u", "a", "2024-02-29 10:00:00")])
    with pytest.raises(InputError, match=r"log\?\.csv\.gz: a packed file cannot be read .*rename it"):
        ingest(shop(tmp_path, "*.csv.gz", home=tmp_path / "packed"), NIGHT)


def test_a_bracket_in_the_setting_is_a_bracket(tmp_path: Path) -> None:
    for name in ("log[1]-2024.csv", "log1-2024.csv", "log[2]-2024.csv"):
        (tmp_path / name).touch()
    config = shop(tmp_path, "log[1]-{year}.csv")
    assert config.ingest.events is not None
    for night in (None, NIGHT):
        assert names(logs.find(config.ingest.events, config, night)) == ["log[1]-2024.csv"]
