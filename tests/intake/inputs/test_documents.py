"""What people write: every row is taken, refused with its place, or said again; late words, people, labels."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import artifacts
from pipeline.operations import forget, load_history
from pipeline.privacy import pseudonyms
from pipeline.settings.config import Config
from tests.tiny_log import digests, ingest, row, rows_of, shop, write

FIRST, SECOND, THIRD = (date(2024, 1, n) for n in (1, 2, 3))
MAPPING = """
select id as document_id, said as text, moment as time, who as author, sort as kind, tags as labels,
    mentioned as entities, _file, _row
from raw
"""


def said(one: str | None, text: str | None, at: str | None, who: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": one, "said": text, "moment": at, "who": who, "sort": None, "tags": None, "mentioned": None} | more


def desk(folder: Path, files: str = "said-{year}-{month}-{day}.jsonl", **over: Any) -> Config:
    for night in (FIRST, SECOND, THIRD):
        write(folder / f"log-{night}.csv", [row("u", "a", f"{night} 10:00:00")])
    (folder / "said.sql").write_text(MAPPING)
    ingest_more = {"documents": {"files": files, "sql": "said.sql"}} | over.pop("ingest", {})
    return shop(folder, "log-{year}-{month}-{day}.csv", ingest=ingest_more, **over)


def test_rows_are_taken_refused_or_said_again(tmp_path: Path) -> None:
    config = desk(tmp_path)
    lines = [
        said(
            "1",
            "Where is my card?",
            f"{FIRST} 09:00:00",
            "u",
            tags={"intent": "card", "mood": None},
            mentioned=["visa"],
        ),
        said("2", "  ", f"{FIRST} 09:00:00"),
        said("3", "No time", None),
        said("4", "Tomorrow", f"{THIRD} 09:00:00"),
        said(None, "No id", f"{FIRST} 09:00:00"),
        said("6", "Odd", f"{FIRST} 09:00:00", sort="poem"),
        said("1", "Where is it?", f"{FIRST} 10:00:00", sort="Question"),
        said("7", "Long ago", "1999-01-01"),
        said("8", None, None, tags={"intent": "fee"}),
        said("9", None, None, mentioned=["visa"]),
        said("10", None, None, mentioned=[]),
    ]
    write(tmp_path / f"said-{FIRST}.jsonl", lines)
    night = ingest(config, FIRST)
    taken = rows_of(night, "documents")
    assert [one["document_id"] for one in taken] == ["1", "8", "9"]
    assert taken[0]["text"] == "Where is it?"
    assert taken[0]["author"] == "u"
    assert (taken[0]["kind"], taken[0]["entities"]) == ("question", ["visa"])
    assert [dict(one["labels"] or []) for one in taken] == [{"intent": "card"}, {"intent": "fee"}, {}]
    refused = [(one["file"], one["row"], one["reason"]) for one in rows_of(night, "document_rejects")]
    assert refused == [
        (f"said-{FIRST}.jsonl", 2, "text, labels and entities are missing"),
        (f"said-{FIRST}.jsonl", 3, "time is missing or not a time"),
        (f"said-{FIRST}.jsonl", 4, "time is after the day it arrived"),
        (f"said-{FIRST}.jsonl", 5, "document_id is missing"),
        (f"said-{FIRST}.jsonl", 6, "kind is none of question, answer, review, news, post"),
        (f"said-{FIRST}.jsonl", 8, "time is before ingest.earliest"),
        (f"said-{FIRST}.jsonl", 11, "text, labels and entities are missing"),
    ]
    report = artifacts.read_manifest(night)["report"]
    again = report["documents: said again by a later row"]
    assert report["documents"] + report["document_rejects"] + again == len(lines)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("map {'b': 'y', 'a': 'x'}", [("a", "x"), ("b", "y")]),
        ("{'b': 'y', 'a': null}", [("b", "y")]),
        ("""'{"b": " y ", "a": ""}'""", [("b", "y")]),
        ("null", None),
    ],
)
def test_labels_are_a_map_a_record_or_json(tmp_path: Path, written: str, wanted: list[tuple[str, str]] | None) -> None:
    config = desk(tmp_path)
    write(tmp_path / f"said-{FIRST}.jsonl", [said("1", "Where?", f"{FIRST} 09:00:00")])
    (tmp_path / "said.sql").write_text(MAPPING.replace("tags as labels", f"{written} as labels"))
    assert rows_of(ingest(config, FIRST), "documents")[0]["labels"] == wanted


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ('{"a": "x", " a": "y"}', "labels names a label set twice"),
        ('{"a": "x", "a": "y"}', "labels is no record of label sets, nor JSON of one"),
        ('{"a": ["x", "y"]}', "labels has a list or a record as a label: of a set a document has one"),
        ('{"a": {"b": "x"}}', "labels has a list or a record as a label: of a set a document has one"),
        (json.dumps({"a": "x" * 201}), "a label is longer than 200 characters"),
        ('{"a": ', "labels is no record of label sets, nor JSON of one"),
        ('"x"', "labels is no record of label sets, nor JSON of one"),
    ],
)
def test_a_row_with_labels_that_are_none_is_refused_and_the_others_are_taken(
    tmp_path: Path, tags: str, reason: str
) -> None:
    config = desk(tmp_path)
    others = [json.dumps({"a": "x" * 200}), json.dumps({"a": "[x]\r\n", "b": 3, "c": "y\x00"}), "{}"]
    lines = [said(str(n), "Where?", f"{FIRST} 09:00:00", tags=one) for n, one in enumerate([*others, tags])]
    write(tmp_path / f"said-{FIRST}.jsonl", lines)
    night = ingest(config, FIRST)
    taken = [one["labels"] for one in rows_of(night, "documents")]
    assert taken == [[("a", "x" * 200)], [("a", "[x]"), ("b", "3"), ("c", "y")], None]
    assert [(one["row"], one["reason"]) for one in rows_of(night, "document_rejects")] == [(4, reason)]


def test_what_nobody_sees_is_no_text(tmp_path: Path) -> None:
    config = desk(tmp_path)
    texts = ["\n\t ", "\u00a0", "\u200b\n", "\x00", " \U0001f600 ", "a\x00b", "\n?"]
    write(tmp_path / f"said-{FIRST}.jsonl", [said(str(n), t, f"{FIRST} 09:00:00") for n, t in enumerate(texts)])
    night = ingest(config, FIRST)
    taken = [(one["document_id"], one["text"]) for one in rows_of(night, "documents")]
    assert taken == [("4", "\U0001f600"), ("5", "a\x00b"), ("6", "\n?")]
    assert {one["reason"] for one in rows_of(night, "document_rejects")} == {"text, labels and entities are missing"}


def test_a_shop_without_documents_has_no_file_of_them(tmp_path: Path) -> None:
    config = desk(tmp_path)
    assert not {"documents.parquet", "document_rejects.parquet"} & digests(ingest(config, FIRST)).keys()
    report = artifacts.read_manifest(ingest(config, FIRST))["report"]
    assert not {"documents", "document_rejects"} & report.keys()


def test_history_is_the_same_bytes_as_nights_and_knows_nothing_of_later(tmp_path: Path) -> None:
    one, many = desk(tmp_path / "one", files="all/*.jsonl"), desk(tmp_path / "many", files="all/*.jsonl")
    nights = (FIRST, SECOND, THIRD)
    lines = [said(str(night.day), f"Said on {night}", f"{night} 12:00:00") for night in nights]
    for folder in ("one", "many"):
        write(tmp_path / folder / "all" / "said.jsonl", lines)
    load_history.load_history(one, THIRD)
    for night in nights:
        folder = ingest(many, night)
        assert [row["document_id"] for row in rows_of(folder, "documents")] == [str(night.day)]
        assert digests(folder) == digests(artifacts.stage_dir(one.lake, "ingest", night))


def test_a_late_document_is_counted_and_its_night_takes_it_again(tmp_path: Path) -> None:
    config = desk(tmp_path)
    write(tmp_path / f"said-{FIRST}.jsonl", [said("1", "First", f"{FIRST} 09:00:00")])
    ingest(config, FIRST)
    more = [said("1", "First", f"{FIRST} 09:00:00"), said("2", "Late", f"{FIRST} 23:00:00")]
    write(tmp_path / f"said-{FIRST}.jsonl", more)
    second = ingest(config, SECOND)
    assert artifacts.read_manifest(second)["report"]["documents: left out, as their night was over"] == 1
    assert not (second / "documents.parquet").is_file()


@pytest.mark.parametrize("hidden", [False, True])
def test_an_author_is_forgotten_and_not_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hidden: bool
) -> None:
    monkeypatch.setenv(pseudonyms.VARIABLE, "a-key-of-the-test-0123456789")
    config = desk(tmp_path, ingest={"pseudonyms": hidden})
    lines = [
        said("1", "Where is my card?", f"{FIRST} 09:00:00", "person-1"),
        said("2", "I am person-1, says a friend", f"{FIRST} 09:00:00", "person-2"),
        said("3", "Nobody's", f"{FIRST} 09:00:00"),
    ]
    write(tmp_path / f"said-{FIRST}.jsonl", lines)
    night = ingest(config, FIRST)
    assert rows_of(night, "documents")[1]["author"] == pseudonyms.stored(config, "person-2")
    (receipt,) = forget.forget(config, ["person-1"], FIRST)
    receipt_says = json.loads(receipt.read_text())
    assert receipt_says["rows"]["documents"] == 1
    if not hidden:  # of pseudonyms the id is not what stands in the text
        assert receipt_says["in_others_rows"]["documents.text"] == 1
        forget.forget(config, ["person-1"], FIRST, also_in_text=True)
        assert [one["document_id"] for one in rows_of(night, "documents")] == ["2", "3"]
        assert "person-1" not in str(rows_of(night, "documents"))
    load_history.load_history(config, FIRST)
    assert [one["document_id"] for one in rows_of(night, "documents")] == ["2", "3"]
