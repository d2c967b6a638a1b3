"""CSV files as people have them: every line is a row, a refused row or part of a quoted text, or the night stops."""

import csv
import gzip
import io
import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import sql
from pipeline.ground.errors import InputError
from pipeline.intake import logs
from tests.tiny_log import MAPPING, ingest, rows_of, shop

NIGHT = date(2024, 2, 29)
NAMES = ["user", "item", "ts", "type"]
HEADER = b"user,item,ts,type\n"
AT = "2024-02-29 10:00:00"


def line(user: str, item: str) -> bytes:
    return f"{user},{item},{AT},purchase\n".encode()


def found(folder: Path, files: str = "*.csv", **settings: Any) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """What is read of files: the rows without their place, and (line, reason) of the lines refused."""
    config = shop(folder, files, ingest={"events": {"files": files, "sql": "events.sql"} | settings})
    source = config.ingest.events
    assert source is not None
    with sql.connect(2, 512) as connection:
        logs.read(connection, source, logs.find(source, config), config)
        rows = connection.sql("select * exclude (_file, _row) from raw order by _row").fetchall()
        bad = connection.sql("select line, reason from unreadable order by _file, line").fetchall()
    return rows, bad


STRAYS = {
    "never closed": {40: '"Blue mug'},
    "closed by the next one's": {40: '"Blue mug', 90: '"Red mug'},
    "closed by an inch": {40: '"Blue mug', 90: 'monitor 27"'},
    "closed three lines further": {40: '"Blue mug', 43: 'monitor 27"'},
    "within a value": {40: '"Blue" mug'},
    "beside inches": {3: '5" disk', 40: '"Blue mug', 60: 'a 3.5" disk'},
}


@pytest.mark.parametrize("delimiter", [",", "\t", "||"])
@pytest.mark.parametrize("strays", STRAYS.values(), ids=STRAYS.keys())
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_quotation_mark_of_a_writer_that_quotes_nothing_takes_no_row(
    tmp_path: Path, strays: dict[int, str], delimiter: str, end: str
) -> None:
    rows = [(f"u{n}", strays.get(n, f"i{n}"), AT, "purchase") for n in range(200)]
    text = end.join(delimiter.join(row) for row in [tuple(NAMES), *rows])
    (tmp_path / "log.csv").write_bytes(text.encode())
    assert found(tmp_path, delimiter=delimiter) == (rows, [])


def test_only_the_file_in_which_it_stands_is_read_without_quotes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + line("u1", '"one, with\nan end"'))
    (tmp_path / "b.csv").write_bytes(HEADER + line("u2", '"Blue mug') + line("u3", "c") * 9)
    (tmp_path / "c.csv").write_bytes(HEADER + line("u4", '"d"'))
    rows, bad = found(tmp_path)
    assert [(row[0], row[1]) for row in rows] == [
        ("u1", "one, with\nan end"),
        ("u2", '"Blue mug'),
        *[("u3", "c")] * 9,
        ("u4", "d"),
    ]
    assert bad == []


def test_quoted_texts_of_several_lines_are_kept_and_rows_have_their_numbers(tmp_path: Path) -> None:
    text = [
        line("u1", '"a\n\n, b\n""c"""'),
        b"u2,b\n",
        b"\n",
        line("u3", '"x\r\ny"'),
        b"\n",
        b'u4,"d\ne",1,2,3\n',
        line("u5", "f").replace(b"purchase", b"poke"),
    ]
    (tmp_path / "log.csv").write_bytes(HEADER + b"".join(text) + b"\n")
    folder = ingest(shop(tmp_path, "log.csv", ingest={"max_reject_share": 1}), NIGHT)
    assert sorted(e["item_id"] for e in rows_of(folder)) == ['a\n\n, b\n"c"', "x\r\ny"]
    assert [(r["row"], r["reason"], r["raw"]) for r in rows_of(folder, "rejects")][:2] == [
        (2, "unreadable: missing columns", '"u2,b"'),
        (4, "unreadable: too many columns", '"u4,\\"d\\ne\\",1,2,3"'),
    ]
    assert [r["row"] for r in rows_of(folder, "rejects")] == [2, 4, 5]


def test_a_mark_that_is_not_closed_among_quoted_texts_stops_with_its_line(tmp_path: Path) -> None:
    quoted = line("u", '"a, b"')
    (tmp_path / "log.csv").write_bytes(HEADER + quoted * 7 + line("u", '"c') + quoted * 5)
    for quotes in ("auto", "always"):
        with pytest.raises(InputError, match=r"log\.csv: line 9: a quotation mark that is not closed"):
            found(tmp_path, quotes=quotes)
    assert len(found(tmp_path, quotes="never")[0]) == 1  # the others have a column too many: refused, and counted
    assert len(found(tmp_path, quotes="never")[1]) == 12


def test_where_both_readings_fit_the_shop_is_asked(tmp_path: Path) -> None:
    """A text with, on its second line, just as many commas as a row; two stray marks on neighbouring lines."""
    (tmp_path / "log.csv").write_bytes(b'user,text\nu1,"so\nso, really"\nu2,x\n')
    with pytest.raises(InputError, match=r"log\.csv: line 2: .*set quotes = \"never\" if .* \"always\" if"):
        found(tmp_path)
    assert found(tmp_path, quotes="always") == ([("u1", "so\nso, really"), ("u2", "x")], [])
    assert found(tmp_path, quotes="never") == ([("u1", '"so'), ("so", ' really"'), ("u2", "x")], [])
    (tmp_path / "log.csv").write_bytes(HEADER + line("u1", '"Blue mug') + line("u2", 'monitor 27"') + line("u3", "c"))
    with pytest.raises(InputError, match=r"log\.csv: line 2: "):
        found(tmp_path)
    assert [row[1] for row in found(tmp_path, quotes="never")[0]] == ['"Blue mug', 'monitor 27"', "c"]


def test_a_text_with_a_rows_commas_is_believed_among_others(tmp_path: Path) -> None:
    others = b'u0,"one\ntwo"\n' * 3
    (tmp_path / "log.csv").write_bytes(b"user,text\n" + others + b'u1,"so\nso, really"\n')
    assert found(tmp_path)[0][-1] == ("u1", "so\nso, really")


def test_a_row_that_is_too_long_says_nothing_about_quotation_marks(tmp_path: Path) -> None:
    long = line("u2", f'"{"x" * 3_000_000}"')
    (tmp_path / "log.csv").write_bytes(HEADER + line("u1", '"a"') + b"\n" + long + line("u3", "c"))
    config = shop(tmp_path, "log.csv", ingest={"max_row_bytes": 1_000_000, "max_reject_share": 1})
    folder = ingest(config, NIGHT)
    assert sorted(e["item_id"] for e in rows_of(folder)) == ["a", "c"]
    assert [(r["row"], r["reason"]) for r in rows_of(folder, "rejects")] == [(2, "unreadable: line size over maximum")]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_mark_that_takes_more_than_a_row_may_have(tmp_path: Path, quote: str) -> None:
    lines = [line("u1", "a"), line("u2", '"Blue mug'), *[line("u3", "b" * 50)] * 30_000, line("u4", f"c{quote}")]
    (tmp_path / "log.csv").write_bytes(HEADER + b"".join(lines * 2))
    config = shop(tmp_path, "log.csv", ingest={"max_row_bytes": 1_000_000})
    source = config.ingest.events
    assert source is not None
    with sql.connect(2, 512) as connection:
        logs.read(connection, source, logs.find(source, config), config)
        assert connection.sql("select count(*) from raw").fetchall() == [(2 * len(lines),)]


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.few(20)
def test_what_a_csv_writer_writes_is_read_as_it_was(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    alphabet = 'ab ,"\n5' if seed % 2 else 'ab,"5'
    rows = [[("".join(rng.choices(alphabet, k=5))).strip() or "x" for _ in NAMES] for _ in range(rng.randint(1, 30))]
    out = io.StringIO()
    quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    csv.writer(out, quoting=quoting, lineterminator=rng.choice(["\n", "\r\n"])).writerows([NAMES, *rows])
    (tmp_path / "log.csv").write_bytes(out.getvalue().encode())
    assert found(tmp_path) == ([tuple(row) for row in rows], [])


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.few(20)
def test_no_row_is_lost_in_a_soup_of_quotation_marks(tmp_path: Path, seed: int) -> None:
    """Without ends of lines in texts: as many rows and refused rows as lines, or the night stops and names one."""
    rng = random.Random(seed)
    rows = [",".join("".join(rng.choices('ab"5', k=2)) for _ in NAMES) for _ in range(rng.randint(1, 30))]
    (tmp_path / "log.csv").write_bytes("\n".join([",".join(NAMES), *rows]).encode())
    taken, bad, said = [], [], ""
    try:
        taken, bad = found(tmp_path)
    except InputError as error:
        said = str(error)
    assert "log.csv: line " in said or len(taken) + len(bad) == len(rows)


def test_files_may_gain_lose_and_reorder_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + line("u1", "a"))
    (tmp_path / "b.csv").write_bytes(b"type,Campaign,item,user,ts\npurchase,mail,b,u2," + AT.encode() + b"\n")
    (tmp_path / "c.csv").write_bytes(b"TS,TYPE,ITEM,campaign\n" + AT.encode() + b",purchase,c,sms\n")
    (tmp_path / "d.csv").write_bytes(b"user,item,ts,type\r\nbad\r\nu4,d," + AT.encode() + b",purchase\r\n")
    assert found(tmp_path)[0] == [
        ("u1", "a", AT, "purchase", None),
        ("u2", "b", AT, "purchase", "mail"),
        (None, "c", AT, "purchase", "sms"),
        ("u4", "d", AT, "purchase", None),
    ]
    mapping = MAPPING.replace("_file, _row", "campaign as session_id, _file, _row")
    folder = ingest(shop(tmp_path, "*.csv", mapping=mapping, ingest={"max_reject_share": 1}), NIGHT)
    events = sorted((e["item_id"], e["user_id"], e["session_id"]) for e in rows_of(folder))
    assert events == [("a", "u1", None), ("b", "u2", "mail"), ("c", None, "sms"), ("d", "u4", None)]
    assert [(r["file"], r["row"]) for r in rows_of(folder, "rejects")] == [("d.csv", 1)]


def test_a_file_without_a_header_is_not_read_as_one_that_lost_its_columns(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(HEADER + line("u1", "a"))
    (tmp_path / "c.csv").write_bytes(line("secret", "b") * 2)
    with pytest.raises(InputError, match=r"c\.csv: its first line names none of the columns") as caught:
        found(tmp_path)
    assert "secret" not in caught.value.said


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("first", [b"\r\n", b"\n"])
def test_ends_of_lines_may_be_mixed(tmp_path: Path, first: bytes, ending: str) -> None:
    other = b"\n" if first == b"\r\n" else b"\r\n"
    lines = [line("u1", "a"), line("u2", "b"), b"u3\n", line("u4", '"d\ne"'), line("u5", "e\rf"), line("u6", "g")]
    ends = [first, other, first, other, other, b"\r\r\n"]
    text = HEADER[:-1] + first + b"".join(one[:-1] + end for one, end in zip(lines, ends, strict=True))
    (tmp_path / f"log.csv{ending}").write_bytes(gzip.compress(text) if ending else text)
    rows, bad = found(tmp_path, f"log.csv{ending}")
    assert [(row[0], row[1]) for row in rows] == [
        ("u1", "a"),
        ("u2", "b"),
        ("u4", "d\ne"),
        ("u5", "e\rf"),
        ("u6", "g"),
    ]
    assert bad == [(3, "unreadable: missing columns")]


def test_lines_may_end_as_on_old_macs(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes((HEADER + line("u1", '"Blue mug') + line("u2", "b") * 9).replace(b"\n", b"\r"))
    assert [row[1] for row in found(tmp_path)[0]] == ['"Blue mug', *["b"] * 9]
    one = b'{"user": "u", "item": "a", "ts": "2024-02-29 10:00:00", "type": "purchase"}'
    (tmp_path / "log.jsonl").write_bytes(one + b"\r" + one + b"\r[]\r")
    rows, bad = found(tmp_path, "log.jsonl")
    assert (len(rows), bad) == (2, [(3, "unreadable: no JSON object")])


@pytest.mark.parametrize("text", [b"secret,secret\n1,2\n", b"secret,\n1,2\n", b'"secret\n', b",\n"])
def test_what_a_header_says_is_shown_only_at_the_command_line(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "log.csv").write_bytes(text)
    with pytest.raises(InputError, match=r"log\.csv: ") as caught:
        found(tmp_path)
    assert "secret" not in caught.value.said


MIXED = {
    "between two lines": (line("u1", "a")[:-1] + b"\r" + line("u2", "b") + line("u3", "c"), 0),
    "after each of some": ((line("u1", "a")[:-1] + b"\r") + (line("u2", "b")[:-1] + b"\r\r") + line("u3", "c"), 0),
    "beside Windows' ends": (line("u1", "a")[:-1] + b"\r" + line("u2", "b")[:-1] + b"\r\n" + line("u3", "c"), 0),
    "at the end": (line("u1", "a") + line("u2", "b") + line("u3", "c")[:-1] + b"\r", 0),
    "beside quotes": (line("u1", '"a"')[:-1] + b"\r" + line("u2", "b") + line("u3", '"c"')[:-1] + b"\r", 0),
    "behind half a line": (b"u0,a\r" + line("u1", "a") + line("u2", "b") + line("u3", "c"), 1),
}


@pytest.mark.parametrize(("rows", "refused"), MIXED.values(), ids=MIXED.keys())
@pytest.mark.parametrize("after_header", [b"\n", b"\r"])
def test_a_carriage_return_alone_ends_a_line_where_that_gives_rows(
    tmp_path: Path, rows: bytes, refused: int, after_header: bytes
) -> None:
    (tmp_path / "log.csv").write_bytes(HEADER[:-1] + after_header + rows)
    read, bad = found(tmp_path)
    assert read == [("u1", "a", AT, "purchase"), ("u2", "b", AT, "purchase"), ("u3", "c", AT, "purchase")]
    assert len(bad) == refused


def test_a_carriage_return_in_a_value_or_in_quotes_stays(tmp_path: Path) -> None:
    texts = ["a\rb", '"a\rb,c"', '"a\r\nb"', '"a\nb\rc"']
    (tmp_path / "log.csv").write_bytes(
        HEADER + b"".join(line("u", text) for text in texts) + line("u", "x")[:-1] + b"\r"
    )
    assert [row[1] for row in found(tmp_path)[0]] == [*(text.strip('"') for text in texts), "x"]
