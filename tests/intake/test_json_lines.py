"""JSON Lines with a byte order mark, and lines that are none: each is an event, or a reject with text and reason."""

import gzip
import json
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.ground.errors import InputError
from tests.tiny_log import MAPPING, ingest, row, rows_of, shop

NIGHT = date(2024, 2, 29)
MARK = b"\xef\xbb\xbf"
NO_TIME = "event_time is missing or not a time"
LONG = "unreadable: longer than ingest.max_row_bytes"


def line(item: str) -> bytes:
    return json.dumps(row("u", item, "2024-02-29 10:00:00")).encode()


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_a_byte_order_mark_costs_no_event(tmp_path: Path, ending: str) -> None:
    zstd = pa.Codec("zstd")
    packed = {"": bytes, ".gz": gzip.compress, ".zst": lambda text: zstd.compress(text, asbytes=True)}[ending]
    (tmp_path / f"a.jsonl{ending}").write_bytes(packed(MARK + line("a") + b"\n" + line("b") + b"\n"))
    (tmp_path / f"b.jsonl{ending}").write_bytes(packed(line("c") + b"\n"))
    (tmp_path / f"c.jsonl{ending}").write_bytes(packed(MARK + line("d") + b"\n{\n"))
    folder = ingest(shop(tmp_path, f"*.jsonl{ending}", ingest={"max_reject_share": 1}), NIGHT)
    assert sorted(e["item_id"] for e in rows_of(folder)) == ["a", "b", "c", "d"]
    found = [(r["file"], r["row"], r["reason"], r["raw"]) for r in rows_of(folder, "rejects")]
    assert found == [(f"c.jsonl{ending}", 2, "unreadable: not valid JSON", '"{"')]


BROKEN = [
    (b"{", "not valid JSON"),
    (b"[1, 2]", "no JSON object"),
    (b'"text"', "no JSON object"),
    (b"null", "no JSON object"),
    (b"user=u;item=a", "not valid JSON"),
    (line("x") + b",", "not valid JSON"),
    (line("x") + line("y"), "not valid JSON"),
    (line("x").replace(b'"x"', b'"\\ud800"'), "not valid JSON"),
    (line("x").replace(b'"x"', b'"\xff"'), "invalid encoding"),
]


@pytest.mark.parametrize("where", ["", " where type = 'purchase'"])
def test_a_line_that_is_no_object_keeps_its_text_and_the_reason(tmp_path: Path, where: str) -> None:
    """Whatever rows the mapping takes; rows between are counted as they stand, empty lines as none."""
    log = [piece for n, (text, _) in enumerate(BROKEN) for piece in (line(f"i{n}"), b"", text + b"\r")]
    other = [line("poke").replace(b"purchase", b"poke"), b"{}", line("last")]
    (tmp_path / "log.jsonl").write_bytes(b"\n".join(log + other))
    folder = ingest(shop(tmp_path, mapping=MAPPING + where, ingest={"max_reject_share": 1}), NIGHT)
    assert sorted(e["item_id"] for e in rows_of(folder)) == [*(f"i{n}" for n in range(len(BROKEN))), "last"]
    found = [(r["row"], r["reason"], r["raw"]) for r in rows_of(folder, "rejects")]
    assert [(at, why) for at, why, _ in found][: len(BROKEN)] == [
        (2 * n + 2, f"unreadable: {reason}") for n, (_, reason) in enumerate(BROKEN)
    ]
    texts = [json.loads(raw) for _, _, raw in found][: len(BROKEN)]
    assert texts == [text.decode(errors="replace") for text, _ in BROKEN]
    after = len(BROKEN) * 2
    judged = [(at, why) for at, why, _ in found][len(BROKEN) :]
    said = [
        (after + 1, "event_type is not in features.event_types"),
        (after + 2, "event_time is missing or not a time"),
    ]
    assert judged == ([] if where else said)


def test_lines_too_long_and_lines_that_are_none_have_their_places(tmp_path: Path) -> None:
    lines = [b"{", line("a"), line("x" * 40_000_000), b"[", line("b"), line("y" * 40_000_000), b"}", b"{}"]
    (tmp_path / "log.jsonl").write_bytes(MARK + b"\n".join(lines))
    folder = ingest(shop(tmp_path, ingest={"max_reject_share": 1}), NIGHT)
    assert sorted(e["item_id"] for e in rows_of(folder)) == ["a", "b"]
    broken = "unreadable: not valid JSON"
    assert [(r["row"], r["reason"]) for r in rows_of(folder, "rejects")] == [
        (1, broken),
        (3, LONG),
        (4, broken),
        (6, LONG),
        (7, broken),
        (8, NO_TIME),
    ]


@pytest.mark.parametrize("share", [0.5, 1])
def test_a_file_of_nothing_but_noise_is_refused_line_by_line_or_stops_the_night(tmp_path: Path, share: float) -> None:
    """As a CSV file is of which no row can be read; and what comes behind it on the next night is taken."""
    (tmp_path / "log.jsonl").write_bytes(b"{\n[1]\n\nuser=u;item=a\n")
    config = shop(tmp_path, ingest={"max_reject_share": share, "allow_empty": True})
    if share < 1:
        with pytest.raises(InputError, match=r"log\.jsonl: none of its lines is a JSON object with keys"):
            ingest(config, NIGHT)
        return
    folder = ingest(config, NIGHT)
    assert [(r["row"], r["reason"].removeprefix("unreadable: "), r["raw"]) for r in rows_of(folder, "rejects")] == [
        (1, "not valid JSON", '"{"'), (2, "no JSON object", '"[1]"'), (3, "not valid JSON", '"user=u;item=a"'),
    ]  # fmt: skip
    with (tmp_path / "log.jsonl").open("ab") as log:
        log.write(line("a").replace(b"02-29", b"03-01") + b"\n")
    folder = ingest(config, NIGHT + timedelta(days=1))
    assert ([e["item_id"] for e in rows_of(folder)], rows_of(folder, "rejects")) == (["a"], [])


@pytest.mark.parametrize(
    "text", ["{}\n", 'noise\n{"other": 1}\n{}\n', '{"user": "u"}\n', '{"item": null, "ts": null}\n']
)
def test_objects_without_what_the_mapping_names_are_refused_too_where_all_lines_may_be(
    tmp_path: Path, text: str
) -> None:
    """A header would have the keys; of lines alone nobody can tell that the log is another's."""
    (tmp_path / "log.jsonl").write_text(text)
    folder = ingest(shop(tmp_path, ingest={"max_reject_share": 1}), NIGHT)
    assert [r["row"] for r in rows_of(folder, "rejects")] == list(range(1, text.count("\n") + 1))
    assert {r["reason"] for r in rows_of(folder, "rejects")} <= {"unreadable: not valid JSON", NO_TIME}
    with pytest.raises(InputError, match=r"which the log does not have|none of its lines is a JSON object"):
        ingest(shop(tmp_path, home=tmp_path / "strict"), NIGHT)


def test_an_empty_file_is_no_fault_of_its_format(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").touch()
    assert rows_of(ingest(shop(tmp_path, ingest={"allow_empty": True}), NIGHT)) == []
    with pytest.raises(InputError, match="no log row arrived on 2024-02-29"):
        ingest(shop(tmp_path, home=tmp_path / "strict"), NIGHT)
