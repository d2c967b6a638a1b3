"""What is said of broken mappings and files: which file, which row and what to do, and nothing of our statements."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground.errors import PipelineError
from pipeline.operations import check
from pipeline.settings.config import Config
from tests.tiny_log import MAPPING, ingest, row, shop, write

NIGHT = date(2024, 1, 1)
OURS = re.compile(
    r"\$|query_table|raw_all|raw_part|tried|mapped_|staged_|raw_numbered|raw_as_read|Candidate functions|"
    r"SET |Traceback|strict_mode|union_by_name|Error: \w+ Error"
)
"""What nobody outside can know or do anything about."""
# what takes item's place in the mapping, or the whole mapping -> what is said
MAPPINGS = {
    "item::bigint": r"events\.sql fails on a row; cast with try_cast: Conversion Error \(on 40 of 40 rows, the first "
    r"is row 1 of \S*log\.jsonl\): Could not convert string 'i0' to INT64",
    "(case when item = 'i3' then item else '1' end)::bigint": r"on 6 of 40 rows, the first is row 4 of \S*log\.jsonl\)",
    "(9223372036854775807::bigint + length(item))::varchar": "Out of Range Error",
    "item::json->>'a'": "Malformed JSON",
    "item::enum('a')": "Could not convert string 'i0'",
    "chr(-5)": "Invalid UTF8 Codepoint",
    "error('boo')": "boo",
    "(select item from raw)": "fails on several rows together, and on none of them alone",
    "sum(item)": r"Binder Error: No function matches .* 'sum\(VARCHAR\)'\. You might need .* casts\.$",
    "item + 1": "You might need to add explicit type casts",
    "item.sku": r"Binder Error at line 2, column \d+: Cannot extract field 'sku'",
    "foo(item)": "it calls foo$",
    "itm": r"names \['itm'\], which the log does not have, .* Name columns that it has$",
    "select 1; select 2": "reads and calls nothing else: it has 2 statements$",
    "-- nothing": "it has no statement$",
    "pivot raw on type": "it pivots on values that it does not name$",
    "copy raw to 'x.csv'": r"it is no SELECT \(copy\)$",
    "select from raw": "Parser Error: SELECT clause without selection list",
    "select * from log": "it reads log$",
    "select a.x as user_id from raw as b": r'Binder Error at line 1, column 8: Referenced table "a" not found',
}


def said(config: Config) -> list[str]:
    """What stops a check and a night."""
    found = [problem for problem in check.check(config).problems if problem]
    with pytest.raises(PipelineError) as caught:
        ingest(config, NIGHT)
    return [*found, str(caught.value)]


def require(config: Config, words: str) -> None:
    texts = said(config)
    assert len(texts) == 2
    for text in texts:
        assert re.search(words, text.replace("\n", " ")), text
        assert not OURS.search(text), text
        assert "Binder" in text or "Parser" in text or "LINE" not in text, text  # else the statement is ours
        assert re.search(r"\w\.(sql|jsonl|csv|parquet)\b", text), text


@pytest.mark.parametrize("item", MAPPINGS)
def test_of_a_broken_mapping(tmp_path: Path, item: str) -> None:
    write(tmp_path / "log.jsonl", [row(f"u{n % 5}", f"i{n % 7}", f"{NIGHT} 10:{n:02}:00") for n in range(40)])
    is_whole = bool(re.match("select|pivot|copy|--", item))
    mapping = item if is_whole else MAPPING.replace("item as item_id", f"{item} as item_id")
    require(shop(tmp_path, mapping=mapping), MAPPINGS[item])


def test_of_items_that_fail_on_a_row(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", [row("u", f"i{n}", f"{NIGHT} 10:{n:02}:00") for n in range(9)])
    items = (
        "select item as item_id, replace(item, 'i4', 'four').ltrim('i')::int as price, ts::timestamp as arrived_at, "
    )
    config = shop(tmp_path, items=f"{items}_file from raw")
    words = r"items\.sql fails on a row; .* \(the first is row 5 of \S*log\.jsonl\): Could not convert string 'four'"
    require(config, words)


def table(**over: Any) -> pa.Table:
    return pa.table({"user": ["u"], "item": ["i"], "ts": [f"{NIGHT} 10:00:00"], "type": ["purchase"]} | over)


def damaged(path: Path) -> None:
    pq.write_table(table(item=["i" * 500]), path)
    content = bytearray(path.read_bytes())
    content[10:60] = b"\xff" * 50
    path.write_bytes(content)


FILES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a list": (
        "b.parquet",
        lambda path: pq.write_table(table(user=[["u"]]), path),
        "VARCHAR here, and VARCHAR.* there",
    ),
    "a record": ("b.parquet", lambda path: pq.write_table(table(item=[{"a": 1}]), path), '"item" is VARCHAR here'),
    "damaged": (
        "b.parquet",
        damaged,
        r"b\.parquet: it cannot be read, it may be truncated or no parquet: fetch it again",
    ),
    "text": (
        "b.parquet",
        lambda path: path.write_text("x"),
        r"b\.parquet cannot be read: is it whole\? Fetch it again",
    ),
    "binary": ("b.csv", lambda path: path.write_bytes(bytes(range(256)) * 20), r"b\.csv: it cannot be read"),
    "our name": (
        "b.csv",
        lambda path: path.write_text(f"user,item,ts,type,file_of_row_for_nightjar\nu,i,{NIGHT},purchase,x\n"),
        r"b\.csv: its column file_of_row_for_nightjar has a name that is needed here: call it otherwise$",
    ),
    "no lines": ("b.jsonl", lambda path: path.write_text('[\n{"user": "u"}]\n'), "write one object a line"),
    "delimiter": (
        "b.csv",
        lambda path: path.write_text(f"user;item;ts;type\nu;i;{NIGHT};purchase\n"),
        r"Name columns that it has; is the delimiter right\?: user;item;ts;type$",
    ),
    "no header": ("b.csv", lambda path: path.write_text(",\n"), "its first line must name its columns"),
}


@pytest.mark.parametrize("kind", FILES)
def test_of_a_broken_file_beside_a_good_one(tmp_path: Path, kind: str) -> None:
    name, make, words = FILES[kind]
    ending = name.rpartition(".")[2]
    if kind not in {"no lines", "binary", "delimiter"}:  # they have nothing in common with a good one
        write(tmp_path / f"a.{ending}", [row("u", "i", f"{NIGHT} 10:00:00")])
    make(tmp_path / name)
    require(shop(tmp_path, f"*.{ending}"), words)
