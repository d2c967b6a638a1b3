"""A small file that unpacks to a very large one stops the night early, by the name of a setting."""

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.ground.errors import InputError
from pipeline.intake import text_files
from pipeline.settings.sections.data import Ingest
from tests.tiny_log import ingest, row, rows_of, shop, write

NIGHT = date(2024, 2, 29)
LOG = [row("u", f"i{n}", "2024-02-29 10:00:00") for n in range(1000)]
ENDINGS = ["csv", "csv.gz", "csv.zst", "jsonl", "jsonl.gz", "parquet"]


def night(folder: Path, ending: str, **settings: Any) -> Path:
    return ingest(shop(folder, f"log.{ending}", ingest=settings), NIGHT)


@pytest.mark.parametrize("ending", ENDINGS)
def test_too_many_rows_stop(tmp_path: Path, ending: str) -> None:
    write(tmp_path / f"log.{ending}", LOG)
    with pytest.raises(InputError, match=rf"log\.{ending} holds more than ingest\.max_file_rows = 900 allows"):
        night(tmp_path, ending, max_file_rows=900)
    assert len(rows_of(night(tmp_path, ending, max_file_rows=1001))) == 1000


@pytest.mark.parametrize("ending", ENDINGS)
def test_too_many_bytes_stop(tmp_path: Path, ending: str) -> None:
    """However little they are packed, and in however few lines."""
    write(tmp_path / f"log.{ending}", [*LOG, row("u", "x" * 3_000_000, "2024-02-29 10:00:00")])
    with pytest.raises(InputError, match=rf"log\.{ending} holds more than ingest\.max_file_mb = 1 allows"):
        night(tmp_path, ending, max_file_mb=1)
    assert len(rows_of(night(tmp_path, ending, max_file_mb=4))) == 1000  # the long id is refused


def test_no_more_is_unpacked_than_may_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with gzip.open(tmp_path / "bomb.csv.gz", "wb") as file:
        for _ in range(64):
            file.write(b"\n" * (1 << 20))
    read: list[int] = []
    real = text_files.require_few
    monkeypatch.setattr(text_files, "require_few", lambda *given: read.append(given[2]) or real(*given))
    with pytest.raises(InputError, match="max_file_rows"):
        text_files.count([str(tmp_path / "bomb.csv.gz")], Ingest(max_file_rows=1_000_000), 1)
    assert max(read) <= text_files.CHUNK


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1 << 22])
@pytest.mark.parametrize("last", [True, False])
def test_lines_are_counted_however_a_file_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, chunk: int, last: bool
) -> None:
    monkeypatch.setattr(text_files, "CHUNK", chunk)
    lines = ["a,b", "", "c", "", "", "d"]
    text = end.join(lines) + (end if last else "")
    (tmp_path / "log.csv.zst").write_bytes(pa.Codec("zstd").compress(text.encode(), asbytes=True))
    path = str(tmp_path / "log.csv.zst")
    assert text_files.count([path], Ingest(), 2) == {path: text_files.Census(6, False, "cr" if end == "\r" else "one")}
    if end != "\r":
        assert [line.decode().rstrip("\r\n") for line in text_files.lines(path)] == lines
