"""Stretches of files: the lines that were asked for, by an independent count of the rows of what was written."""

import csv
import gzip
import io
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground.errors import InputError
from pipeline.intake import text_files
from pipeline.operations.checking import cuts
from pipeline.operations.checking.cuts import Size, Stretch
from pipeline.settings.sections.data import Ingest

WANTED = [Stretch(3, 5), Stretch(40, 11), Stretch(95, 6)]


def taken(path: Path, kind: str, wanted: list[Stretch]) -> tuple[list[Stretch], bytes]:
    """What `cut` says it copied, and the copy's content."""
    copy = path.with_name(f"copy-{path.name}")
    found = cuts.cut(path, kind, wanted, copy)
    with text_files.opened(copy) as stream:
        return found, stream.read()


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_of_a_csv_the_header_and_the_wanted_lines_are_copied(tmp_path: Path, ending: str, end: str) -> None:
    lines = ["a,b", *(f"{n},x" for n in range(2, 101))]  # a line says its number
    content = end.join(lines).encode()
    path = tmp_path / f"log.{ending}"
    packed = {"csv": content, "csv.gz": gzip.compress(content), "csv.zst": pa.compress(content, "zstd", asbytes=True)}
    path.write_bytes(packed[ending])
    assert cuts.size(path, "csv", Ingest()) == Size(100)
    found, copied = taken(path, "csv", WANTED)
    assert found == WANTED
    header, *rows = copied.decode().splitlines()
    assert header == "a,b"
    numbers = [n for stretch in WANTED for n in range(stretch.first, stretch.end)]
    assert [int(row.partition(",")[0]) for row in rows] == numbers


def test_a_text_of_several_lines_is_never_cut(tmp_path: Path) -> None:
    made = random.Random(0)
    rows = [[str(n), "\n".join("lines"[: made.randrange(1, 5)])] for n in range(400)]
    path = tmp_path / "log.csv"
    with path.open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["id", "text"], *rows])
    wanted = [Stretch(7, 50), Stretch(200, 91), Stretch(500, 40)]
    found, copied = taken(path, "csv", wanted)
    read = list(csv.reader(io.StringIO(copied.decode(), newline="")))
    starts, line = {}, 2  # where each row begins, by counting its lines
    for number, (_, text) in enumerate(rows):
        starts[number] = line
        line += text.count("\n") + 1
    inside = [n for n, at in starts.items() if any(s.first <= at < s.end for s in wanted)]
    assert read == [["id", "text"], *(rows[n] for n in inside)]
    assert [s.first for s in found] == [min(starts[n] for n in inside if starts[n] >= s.first) for s in wanted]


def test_lines_of_blocks_that_are_passed_over_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "CHUNK", 16)
    path = tmp_path / "log.jsonl"
    path.write_text("".join(f'{{"n": {n}}}\n' for n in range(1, 301)))
    found, copied = taken(path, "jsonl", [Stretch(250, 3)])
    assert found == [Stretch(250, 3)]
    assert copied.decode().splitlines() == [f'{{"n": {n}}}' for n in (250, 251, 252)]


def test_of_a_parquet_file_rows_are_copied_with_their_types(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    table = pa.table({"n": pa.array(range(1, 101), pa.int32()), "x": pa.array([[{"y": 1}]] * 100)})
    pq.write_table(table, path, row_group_size=17)
    assert cuts.size(path, "parquet", Ingest()) == Size(100)
    copy = tmp_path / "copy.parquet"
    assert cuts.cut(path, "parquet", WANTED, copy) == WANTED
    read = pq.ParquetFile(copy).read()
    assert read.schema == table.schema
    assert read["n"].to_pylist() == [n for s in WANTED for n in range(s.first, s.end)]


def test_what_a_night_would_not_read_is_not_sampled_either(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.zst"
    path.write_bytes(pa.compress(b"a,b\n" * 1000, "zstd", asbytes=True)[:-5])
    with pytest.raises(InputError, match=r"log\.csv\.zst is truncated"):
        cuts.size(path, "csv", Ingest())
    (tmp_path / "log.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match=r"log\.parquet cannot be read"):
        cuts.size(tmp_path / "log.parquet", "parquet", Ingest())
    (tmp_path / "log.csv").write_text("a\n" * 50)
    with pytest.raises(InputError, match=r"ingest\.max_file_rows"):
        cuts.size(tmp_path / "log.csv", "csv", Ingest(max_file_rows=10))
