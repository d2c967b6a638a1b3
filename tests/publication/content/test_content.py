"""What is held back, why and since when: word lists, labels, editors, limits; and that no table has any of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.judging import held_back
from pipeline.publication import publish
from pipeline.publication.content import content, queue
from pipeline.publication.content.queue import REVIEW
from pipeline.publication.tables import published_by
from pipeline.settings.sections.answers import Answer
from pipeline.settings.sections.audiences import Audience
from pipeline.settings.sections.content import ContentCheck
from pipeline.settings.sections.topics import Topics
from pipeline.settings.sections.words import Classify, Entities, LabelSet
from pipeline.words import held
from pipeline.words.documents import Documents
from tests.publication.content import checked_shop
from tests.publication.content.checked_shop import BEFORE, NIGHT, check, document, findings, go, night_of
from tests.small_shop import Shop

CHECKS: dict[str, Any] = {
    "checks": [
        {"name": "banned", "severity": "block", "words": ["gnome", "poison"]},
        {"name": "doubtful", "words": ["pot", "odd thing", "rubbish"]},
        {"name": "watched", "words": ["red"], "shown_until_decided": True},
        {"name": "abuse", "label_set": "intent", "labels": ["fee"], "probability": 0.4, "of": ["items", "documents"]},
    ]
}
RULES = [
    "allow,,i7,,,,,as it is called",
    "allow,,i3,,,,,",
    "block,,i3,,,,,no",
    "block_document,,d8,,,,,",
    "allow_document,,d7,,,,,quoted",
]
TALK = [
    document("d0", "where is my card", labels={"intent": "card"}, author="u0", entities=["i0"]),
    document("d1", "it is a fee", author="u0", entities=["i6", "unknown"]),
    document("d5", "rubbish, all of it", author="u1"),
    document("d6", "I put Poison in it", author="u2"),
    document("d7", "he said: poison", author=None),
    document("d8", "quite harmless", author=None),
]
HELD = {"i2", "i3", "i4", "i6"}
"""By a word of its title, of its text, and by what a document says of it."""


def a_shop(folder: Path) -> Shop:
    made = checked_shop.shop(folder, CHECKS, RULES)
    section = made.config.publish.model_copy(
        update={"search_terms": 9, "audiences": (Audience(name="buyers"), Audience(name="about", by="category"))}
    )
    words = {"classify": Classify(label_sets={"intent": LabelSet()}), "entities": Entities(enabled=True)}
    words |= {"answer": Answer(k=2), "topics": Topics(enabled=True)}
    made.config = made.config.model_copy(update={"publish": section} | words)
    made.write()
    said = dict.fromkeys(checked_shop.ITEMS.schema.names)
    night_of(made.config, BEFORE, documents=TALK[:4], items=[said | {"item_id": "i4", "text": "of steel", "rows": 1}])
    night_of(made.config, NIGHT, documents=TALK[4:], items=[said | {"item_id": "i4", "text": "no gnome", "rows": 1}])
    return made


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Path]:
    """A night with everything, published."""
    made = a_shop(tmp_path_factory.mktemp("checked"))
    folder = check(made)
    go(made, folder)
    return made, folder


def texts_of(value: object) -> Iterator[str]:
    """Every text in a value of a table."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for one in value.values() for text in texts_of(one))
    elif isinstance(value, list):
        yield from (text for one in value for text in texts_of(one))


def test_every_finding_says_what_by_what_and_whether_it_holds_back(night: tuple[Shop, Path]) -> None:
    found = findings(night[1])
    said = {key: (row["severity"], row["matched"], row["decision"], row["is_held"]) for key, row in found.items()}
    assert said == {
        ("i3", "banned"): ("block", "gnome", "block", True),
        ("i4", "banned"): ("block", "gnome", None, True),
        ("i2", "doubtful"): ("review", "pot", None, True),
        ("i7", "doubtful"): ("review", "odd thing", "allow", False),
        ("i1", "watched"): ("review", "red", None, False),
        ("i6", "abuse"): ("review", "fee", None, True),
        ("d1", "abuse"): ("review", "fee", None, True),
        ("d5", "doubtful"): ("review", "rubbish", None, True),
        ("d6", "banned"): ("block", "poison", None, True),
        ("d7", "banned"): ("block", "poison", "allow", False),
        ("d8", "editors"): ("block", None, "block", True),
    }
    assert found["d1", "abuse"]["probability"] == 0.5
    assert {row["since"] for row in found.values()} == {NIGHT}


def test_what_is_held_back_is_in_no_published_table(night: tuple[Shop, Path]) -> None:
    made, _ = night
    run = publish.active_run(made.config)
    assert run is not None
    named: dict[str, set[str]] = {}
    for table in published_by(made.config):
        rows = pq.read_table(run.folder / table.file).to_pylist()
        named[table.name] = {text for row in rows for text in texts_of(row)}
    with_items = {name for name, texts in named.items() if texts & {f"i{n}" for n in range(8)}}
    tables = {"recommendations", "similar_items", "popular_items", "search_results", "search_terms", "audiences"}
    assert with_items == tables
    for name, texts in named.items():
        assert not texts & HELD, name
        assert not [text for text in texts if "GNOME" in text or "TEA POT" in text], name  # nor in a reason
    assert {"i0", "i1", "i7"} <= named["recommendations"] | named["similar_items"]


def test_documents_that_are_held_back_are_no_documents_for_the_stages_that_show_some(night: tuple[Shop, Path]) -> None:
    made, folder = night
    known = Documents.read(NIGHT, made.config, ())
    assert held.without(known, folder, made.config).table["document_id"].to_pylist() == ["d0", "d7"]
    assert held.without(known, None, made.config).table is known.table


def test_the_queue_has_the_most_urgent_first_and_stands_beside_the_tables(night: tuple[Shop, Path]) -> None:
    made, _ = night
    run = publish.active_run(made.config)
    assert run is not None
    rows = pq.read_table(run.folder / queue.FILE, schema=REVIEW).to_pylist()
    assert [row["item_id"] or row["document_id"] for row in rows] == ["i1", "i2", "i6", "i4", "d5", "d6", "d1"]
    assert [row["people"] for row in rows] == [8, 7, 4, 0, None, None, None]
    assert [row["user_id"] for row in rows] == [None] * 4 + ["u1", "u2", "u0"]
    assert rows[0] | {"title": "RED MUG", "is_shown": True, "rank": 1, "check": "watched"} == rows[0]


def test_the_report_says_it_and_no_text_can_break_it(night: tuple[Shop, Path], tmp_path: Path) -> None:
    made, folder = night
    ((title, body),) = held_back.section(folder, made.config)
    assert title == "What is held back"
    assert "<td>doubtful</td><td>review</td><td>2</td><td>1</td><td>1</td><td>1</td><td>1</td>" in body
    assert "Waiting for an editor: items 4, documents 3" in body
    assert "<td>i1 RED MUG</td><td>watched</td><td>red</td><td>2011-10-02</td><td>8</td><td>yes</td>" in body
    assert "d5" not in body  # a report outlives who is forgotten
    findings_ = pq.read_table(folder / held.FILE)
    rows = pq.read_table(folder / queue.FILE).to_pylist()
    evil = [row | {"title": "<script>\x1b[2J" * 40, "matched": "<b>", "item_id": "&"} for row in rows]
    pq.write_table(findings_, tmp_path / held.FILE)
    pq.write_table(pa.Table.from_pylist(evil, REVIEW), tmp_path / queue.FILE)
    ((_, body),) = held_back.section(tmp_path, made.config)
    assert "&lt;b&gt;" in body
    assert not [bad for bad in ("<script", "<b>", "\x1b") if bad in body]
    assert held_back.section(None, made.config) == []


def test_the_report_of_the_manifest_counts(night: tuple[Shop, Path]) -> None:
    report = artifacts.read_manifest(night[1])["report"]
    assert report["doubtful: items"] == 2
    assert report["doubtful: items held back"] == 1
    assert report["doubtful: items allowed"] == 1
    assert report["items held back"] == 4
    assert report["documents held back"] == 4


def test_authors_are_told_to_who_forgets(night: tuple[Shop, Path]) -> None:
    assert pq.read_table(night[1] / "authors.parquet")["user_id"].to_pylist() == ["u0", "u1", "u2"]


def test_nothing_that_arrives_later_counts_and_a_finding_keeps_its_first_night(
    night: tuple[Shop, Path], tmp_path: Path
) -> None:
    made = a_shop(tmp_path)
    early = check(made, BEFORE)
    assert ("i4", "banned") not in findings(early)  # its text said nothing of it then
    assert ("d7", "banned") not in findings(early)
    late = findings(check(made))
    assert late["i2", "doubtful"]["since"] == late["d1", "abuse"]["since"] == BEFORE
    assert late["i4", "banned"]["since"] == NIGHT
    same = {key: row | {"since": NIGHT} for key, row in late.items()}
    assert same == findings(night[1])


def test_a_document_that_no_classifier_looks_at_any_more_keeps_its_label(tmp_path: Path) -> None:
    made = a_shop(tmp_path)
    check(made, BEFORE)
    labels = made.folder("classify") / "labels.parquet"
    pq.write_table(pq.read_table(labels).slice(0, 0), labels)
    assert findings(check(made))["d1", "abuse"]["is_held"]
    night_of(made.config, NIGHT, documents=[document("d1", None, labels={"intent": "card"})])
    assert ("d1", "abuse") not in findings(check(made))


@pytest.mark.parametrize("of", [["items"], ["items", "documents"]])
def test_an_item_stays_held_back_when_no_classifier_looks_at_its_document_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: list[str]
) -> None:
    abuse = {
        "name": "abuse",
        "severity": "block",
        "label_set": "intent",
        "labels": ["fee"],
        "probability": 0.4,
        "of": of,
    }
    monkeypatch.setitem(CHECKS, "checks", [abuse])
    made = a_shop(tmp_path)
    folder = check(made, BEFORE)
    assert findings(folder)["i6", "abuse"]["is_held"]
    assert pq.read_table(folder / "authors.parquet")["user_id"].to_pylist() == ["u0"]
    labels = made.folder("classify") / "labels.parquet"
    pq.write_table(pq.read_table(labels).slice(0, 0), labels)
    assert findings(check(made))["i6", "abuse"]["is_held"]
    night_of(made.config, NIGHT, documents=[document("d1", None, labels={"intent": "card"})])
    assert ("i6", "abuse") not in findings(check(made))


def test_an_item_is_the_same_with_what_nobody_sees_around_its_id(tmp_path: Path) -> None:
    made = a_shop(tmp_path)
    talk = document("d1", "it is a fee", author="u0", entities=["\ti6\n", "i5\u00a0", "i\t1"])
    night_of(made.config, BEFORE, documents=[talk])
    assert {key for key in findings(check(made, BEFORE)) if key[1] == "abuse"} == {
        ("d1", "abuse"),
        ("i5", "abuse"),
        ("i6", "abuse"),
    }


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"label_set": "tone", "labels": ["bad"], "fewest": 3}, r'name a label_set and of = \["items"\]'),
        ({"words": ["x"], "fewest": 3}, r'name a label_set and of = \["items"\]'),
        ({"words": ["x"], "probability": 0.9}, "probability is that of a label"),
    ],
)
def test_what_would_do_nothing_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ContentCheck.model_validate({"name": "c"} | given)


def test_a_word_list_or_a_rule_that_changed_is_looked_at_again(tmp_path: Path) -> None:
    section = {"checks": [{"name": "filed", "severity": "block", "file": "words.txt"}]}
    made = checked_shop.shop(tmp_path, section, []).write()
    (tmp_path / "words.txt").write_text("kettle\n")
    night_of(made.config, NIGHT)
    folder = check(made)
    manifest = artifacts.read_manifest(folder)
    assert list(findings(folder)) == [("i4", "filed")]
    assert content.still_holds(made.config, manifest)
    (tmp_path / "words.txt").write_text("mug\n")
    assert not content.still_holds(made.config, manifest)
    (tmp_path / "words.txt").write_text("kettle\n")
    (tmp_path / "rules.csv").write_text((tmp_path / "rules.csv").read_text() + "allow,,i4,,,,,\n")
    assert not content.still_holds(made.config, manifest)
