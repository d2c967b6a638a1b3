"""Logs as they should never be: each is a clear error or a counted reject, nothing is lost, the rerun is right."""

import json
import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.intake import long_lines, refusals
from pipeline.operations import load_history, stages
from pipeline.sources.configuration import FullConfig
from tests.conftest import ROOT
from tests.tiny_log import ingest as ingest_night
from tests.tiny_log import row, rows_of, shop, write

NIGHT = date(2024, 2, 29)
GOOD = row("u1", "a", "2024-02-29 10:00:00")
# More than the part of a file that its header is read from.
MANY = [
    row(f"u{n * 7919 % 99991}", f"i{n * 31 % 8999}", f"2024-02-29 {n % 23:02}:{n // 23 % 60:02}:00")
    for n in range(25_000)
]
SLOW = pytest.mark.slow
LONG = "unreadable: longer than ingest.max_row_bytes"


def lenient(folder: Path, files: str, **over: Any) -> FullConfig:
    """A shop that refuses row by row, and never stops for it."""
    return shop(folder, files, ingest={"max_reject_share": 1} | over.pop("ingest", {}), **over)


def refused(folder: Path) -> list[tuple[int, str]]:
    """Row and reason of what was refused."""
    return [(r["row"], r["reason"]) for r in rows_of(folder, "rejects")]


@pytest.mark.parametrize("name", ["log.csv.gz", "log.csv.zst", "log.jsonl.gz", "log.jsonl.zst", "log.parquet"])
@pytest.mark.parametrize("missing", [1, 0.5])
@pytest.mark.few(3)
def test_a_truncated_file_is_named_and_read_once_it_is_whole(tmp_path: Path, name: str, missing: float) -> None:
    path = tmp_path / f"b-{name}"
    write(tmp_path / f"a-{name}", [GOOD])
    write(path, MANY)
    whole = path.read_bytes()
    path.write_bytes(whole[: -int(missing if missing >= 1 else missing * len(whole))])
    settings = lenient(tmp_path, f"*-{name}")
    with pytest.raises(InputError, match=rf"b-{name}"):
        ingest_night(settings, NIGHT)
    assert not list(settings.lake.glob("ingest/*run_date*/*")), "nothing of it stays"
    path.write_bytes(whole)
    assert artifacts.read_manifest(ingest_night(settings, NIGHT))["report"]["events"] == len(set(map(str, MANY))) + 1


MEASURED = """
import sys, pathlib, datetime
from pipeline.ground import resources
from tests.tiny_log import ingest, shop
folder = pathlib.Path(sys.argv[1])
ingest(shop(folder, sys.argv[2], ingest={"max_reject_share": 1}), datetime.date(2024, 2, 29))
print(resources.peak_memory_mb())
"""


@pytest.mark.parametrize("name", ["log.jsonl", *(pytest.param(n, marks=SLOW) for n in ("log.jsonl.zst", "log.csv"))])
def test_a_line_of_100_mb_is_refused_in_bounded_memory(tmp_path: Path, name: str) -> None:
    rows = [GOOD, GOOD | {"item": "x" * 100_000_000}, GOOD | {"item": "b"}, GOOD | {"ts": "never"}]
    write(tmp_path / name, rows)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path), name], cwd=ROOT, capture_output=True, text=True, check=True
    )
    measured = done.stdout.splitlines()[-1]  # before it there may be DuckDB's progress, which `python -c` is shown
    assert int(measured) < 600, "MiB, of which the interpreter and DuckDB are 150"
    folder = artifacts.stage_dir(tmp_path / "home" / "lake", "ingest", NIGHT)
    assert sorted(e["item_id"] for e in rows_of(folder)) == ["a", "b"]
    long = "unreadable: line size over maximum" if name == "log.csv" else LONG
    assert refused(folder) == [(2, long), (4, "event_time is missing or not a time")]
    assert {r["file"] for r in rows_of(folder, "rejects")} == {name}
    assert all(len(r["raw"]) <= 1000 for r in rows_of(folder, "rejects"))


def test_long_lines_are_found_wherever_they_are(tmp_path: Path) -> None:
    long = GOOD | {"item": "x" * 40_000_000}  # DuckDB reads what fits its buffer of 32 MiB
    write(tmp_path / "a.jsonl", [long, GOOD, GOOD | {"item": "b"}, GOOD | {"ts": "never"}, long])
    write(tmp_path / "b.jsonl", [GOOD | {"item": "c"}])
    (tmp_path / "c.jsonl").write_text(json.dumps(GOOD | {"item": "d"}))  # no newline at its end
    folder = ingest_night(lenient(tmp_path, "*.jsonl"), NIGHT)
    assert sorted(e["item_id"] for e in rows_of(folder)) == ["a", "b", "c", "d"]
    assert refused(folder) == [(1, LONG), (4, "event_time is missing or not a time"), (5, LONG)]
    many = lenient(tmp_path, "*.jsonl", home=tmp_path / "many")
    load_history.load_history(many, NIGHT)
    other = artifacts.stage_dir(many.lake, "ingest", NIGHT)
    assert artifacts.content_hash(other) == artifacts.content_hash(folder), "history is the same bytes"


def test_lines_are_left_out_by_their_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_lines, "CHUNK", 7)  # so that lines and their ends fall on both sides of a piece
    lines = [b"x" * n for n in (9, 10, 11, 0, 30, 14, 7, 21, 10, 35)]
    for end in (b"", b"\n"):
        path = tmp_path / "log.jsonl"
        path.write_bytes(b"\n".join(lines) + end)
        copies, left_out = long_lines.leave_out([str(path)], tmp_path / "copies", max_bytes=10, max_characters=2)
        kept = Path(copies[str(path)]).read_bytes().splitlines()
        assert kept == [line for line in lines if len(line) <= 10]
        assert [line.line for line in left_out] == [n for n, line in enumerate(lines, 1) if len(line) > 10]
        assert {line.start for line in left_out} == {"xx"}
    assert long_lines.leave_out([str(path)], tmp_path / "copies", max_bytes=35, max_characters=2) == ({}, [])


def test_a_log_of_nothing_but_a_long_line_is_an_error_or_a_refusal(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", [GOOD | {"item": "x" * 40_000_000}])
    with pytest.raises(InputError, match=r"log\.jsonl: none of its lines is a JSON object"):
        ingest_night(shop(tmp_path, "log.jsonl"), NIGHT)
    folder = ingest_night(lenient(tmp_path, "log.jsonl"), NIGHT)
    assert not rows_of(folder)
    assert refused(folder) == [(1, "unreadable: longer than ingest.max_row_bytes")]


def test_invalid_utf8_is_refused_and_its_neighbours_are_taken(tmp_path: Path) -> None:
    lines = [json.dumps(GOOD | {"item": item}).encode() for item in ("a", "BAD", "c")]
    (tmp_path / "log.jsonl").write_bytes(b"\n".join(lines).replace(b"BAD", b"\xff\xfe\x80") + b"\n")
    folder = ingest_night(lenient(tmp_path, "log.jsonl"), NIGHT)
    assert sorted(e["item_id"] for e in rows_of(folder)) == ["a", "c"]
    assert [row for row, _ in refused(folder)] == [2]
    csv = b"user,item,ts,type\n" + b"".join(b"u,%s,2024-02-29 10:00:00,purchase\n" % i for i in (b"a", b"\xc3(", b"c"))
    (tmp_path / "log.csv").write_bytes(csv)
    folder = ingest_night(lenient(tmp_path, "log.csv", home=tmp_path / "csv"), NIGHT)
    assert sorted(e["item_id"] for e in rows_of(folder)) == ["a", "c"]
    assert refused(folder) == [(2, "unreadable: invalid encoding")]


HOSTILE = [
    "'); drop table raw; --",
    "<script>alert(1)</script>",
    "nul\x00inside",
    '"quoted"',
    "a\nb",
    "\u202eevil",
    "💥" * 9,
]
TITLED = 'select item as item_id, "user" as title, try_cast(ts as timestamp) as arrived_at, _file from raw'


def test_titles_with_sql_html_or_a_nul_are_only_text(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", [GOOD | {"user": text, "item": f"i{n}"} for n, text in enumerate(HOSTILE)])
    settings = shop(tmp_path, items=TITLED)
    folder = ingest_night(settings, NIGHT)
    assert {i["item_id"]: i["title"] for i in rows_of(folder, "items")} == {f"i{n}": t for n, t in enumerate(HOSTILE)}
    stages.run_stage("features", NIGHT, settings)
    features = artifacts.stage_dir(settings.lake, "features", NIGHT)
    assert sorted(i["title"] for i in rows_of(features, "items")) == sorted(HOSTILE)
    assert sorted(u["user_id"] for u in rows_of(features, "users")) == sorted(HOSTILE)


@pytest.mark.parametrize("name", ["log.jsonl", "log.csv", "log.parquet"])
def test_ids_of_a_megabyte_are_refused(tmp_path: Path, name: str) -> None:
    huge = "x" * 1_000_000
    write(tmp_path / name, [GOOD, GOOD | {"item": huge}, GOOD | {"user": huge, "item": "b"}])
    folder = ingest_night(lenient(tmp_path, name), NIGHT)
    assert refused(folder) == [(2, "an id is too long"), (3, "an id is too long")]
    assert len(rows_of(folder)) == 1
    assert all(len(r["raw"]) == 1000 for r in rows_of(folder, "rejects"))


TIMES = ["1970-01-01 00:00:00", "1677-09-21 00:12:43", "0044-03-15 (BC) 00:00:00", "-infinity"]
FUTURE = ["2262-04-11 23:47:17", "2262-04-12 00:00:00", "9999-12-31 23:59:59", "infinity", "294247-01-10 04:00:54"]


def test_times_before_the_clock_was_set_are_refused_and_later_ones_wait(tmp_path: Path) -> None:
    """In a log without dates in its name a later event belongs to a later night; in a dated one it is refused."""
    rows = [GOOD, *(GOOD | {"ts": ts, "item": f"i{n}"} for n, ts in enumerate(TIMES + FUTURE))]
    write(tmp_path / "log.csv", rows)
    folder = ingest_night(lenient(tmp_path, "log.csv"), NIGHT)
    assert [e["item_id"] for e in rows_of(folder)] == ["a"]
    unset, never = "event_time is before ingest.earliest", "event_time is missing or not a time"  # infinity is none
    assert Counter(reason for _, reason in refused(folder)) == {unset: len(TIMES) - 1, never: 1}
    then = ingest_night(lenient(tmp_path, "log.csv", home=tmp_path / "then"), date(2262, 4, 12))
    assert [e["event_time"].replace(tzinfo=None) for e in rows_of(then)] == [datetime(2262, 4, 12)]
    write(tmp_path / "2024-02-29.csv", rows)
    dated = ingest_night(lenient(tmp_path, "{year}-{month}-{day}.csv", home=tmp_path / "dated"), NIGHT)
    assert len(rows_of(dated)) == 1
    assert len(refused(dated)) == len(TIMES + FUTURE), "every one is counted"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_parquet_at_the_ends_of_their_range(tmp_path: Path, unit: str) -> None:
    last = {"s": 253402300799, "ms": 253402300799999, "us": 253402300799999999, "ns": 2**63 - 1}[unit]
    first = -(2**63) + 1 if unit == "ns" else -62135596800
    times = pa.array(
        [1709200800 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit], last, first], pa.timestamp(unit)
    )
    table = {"user": ["u"] * 3, "item": ["now", "last", "first"], "ts": times, "type": ["purchase"] * 3}
    pq.write_table(pa.table(table), tmp_path / "2024-02-29.parquet")
    folder = ingest_night(lenient(tmp_path, "{year}-{month}-{day}.parquet"), NIGHT)
    assert [e["item_id"] for e in rows_of(folder)] == ["now"]
    assert len(refused(folder)) == 2


def test_very_many_duplicates_are_counted_and_taken_once(tmp_path: Path) -> None:
    line = "u1,a,2024-02-29 10:00:00,purchase\n"
    (tmp_path / "log.csv").write_text("user,item,ts,type\n" + line * 200_000 + line.replace("a", "b", 1))
    folder = ingest_night(lenient(tmp_path, "log.csv"), NIGHT)  # to compare each with each would never end
    manifest = artifacts.read_manifest(folder)
    assert sorted(e["item_id"] for e in rows_of(folder)) == ["a", "b"]
    assert manifest["report"][f"rejected: {refusals.DUPLICATE}"] == manifest["report"]["rejects"] == 199_999
    assert manifest["report"]["unusual"] == {"duplicates": ["199,999 of 200,001 log rows repeat an earlier event"]}
