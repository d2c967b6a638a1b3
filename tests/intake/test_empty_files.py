"""Log files in which nothing is, as rotation makes at midnight: they hold no row, and may go on later."""

import gzip
from datetime import date, timedelta
from itertools import product
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.ground.errors import InputError
from pipeline.operations import check
from tests.cases import some_slow
from tests.tiny_log import ingest, row, rows_of, shop, write

NIGHT = date(2024, 2, 28)
NEXT = NIGHT + timedelta(days=1)
NOTHING = {
    "": b"",
    ".gz": b"",
    ".zst": b"",
    " packed.gz": gzip.compress(b""),
    " packed.zst": pa.Codec("zstd").compress(b"", asbytes=True),
    " of lines": b"\r\n\n",
    " of a mark": b"\xef\xbb\xbf",
}
"""What is in such a file, by the end of its name."""


def rows(day: date, item: str) -> list[dict[str, str]]:
    """One row of a day."""
    return [row("u", item, f"{day} 10:00:00")]


@pytest.mark.parametrize(
    ("kind", "ending", "daily"),
    # what is in a file is seen before the day in its name is asked for
    some_slow(product(("csv", "jsonl"), NOTHING, (True, False)), fast=lambda _, ending, daily: daily or not ending),
)
@pytest.mark.few(4)
def test_beside_others_it_has_no_rows_and_what_comes_later_is_late(
    tmp_path: Path, kind: str, ending: str, daily: bool
) -> None:
    files = f"{{year}}-{{month}}-{{day}}*.{kind}*" if daily else f"20*.{kind}*"
    source = {"files": files, "sql": "events.sql", "format": kind}
    config = shop(tmp_path, files, ingest={"allow_empty": True, "events": source})
    write(tmp_path / f"{NIGHT}.{kind}", rows(NIGHT, "a"))
    words, dot, packing = ending.partition(".")
    path = tmp_path / f"{NEXT}{words}.{kind}{dot}{packing}"
    path.write_bytes(NOTHING[ending])
    assert [e["item_id"] for e in rows_of(ingest(config, NIGHT))] == ["a"]
    assert rows_of(ingest(config, NEXT)) == []
    write(path, rows(NEXT, "late"))
    write(tmp_path / f"{NEXT + timedelta(days=1)}.{kind}", rows(NEXT + timedelta(days=1), "b"))
    last = ingest(config, NEXT + timedelta(days=1))
    assert [e["item_id"] for e in rows_of(last)] == ["late", "b"]
    assert rows_of(last, "rejects") == []


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz", "log.jsonl.gz", "log.jsonl.zst"])
def test_alone_it_is_a_log_without_a_row(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=rf"no log row arrived on {NIGHT}; read: .*{name}"):
        ingest(shop(tmp_path, name), NIGHT)
    assert f"{name}: there is nothing in it" in caplog.text
    assert rows_of(ingest(shop(tmp_path, name, ingest={"allow_empty": True}), NIGHT)) == []


def test_a_folder_may_give_its_file_a_column_and_no_row(tmp_path: Path) -> None:
    source = {"files": "day=*/log.csv", "sql": "events.sql", "hive_partitioning": True}
    config = shop(tmp_path, ingest={"allow_empty": True, "events": source})
    (tmp_path / f"day={NIGHT}").mkdir()
    (tmp_path / f"day={NIGHT}" / "log.csv").touch()
    assert rows_of(ingest(config, NIGHT)) == []
    write(tmp_path / f"day={NEXT}" / "log.csv", rows(NEXT, "a"))
    assert [e["item_id"] for e in rows_of(ingest(config, NEXT))] == ["a"]


def test_check_counts_no_rows_of_it(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv.gz", "c.csv.zst"):
        (tmp_path / name).touch()
    write(tmp_path / "d.csv", 5 * rows(NIGHT, "a"))
    source = {"files": "*.csv*", "sql": "events.sql", "format": "csv"}
    checked = check.check(shop(tmp_path, ingest={"events": source}))
    assert (checked.is_whole, checked.inputs["events"].rows) == (True, 5)
