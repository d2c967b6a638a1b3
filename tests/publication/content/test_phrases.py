"""Words of lists in texts: whole words, whatever their case, in every script; against a search word by word."""

import random
import re
import unicodedata
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipeline.ground import sql
from pipeline.ground.errors import InputError
from pipeline.publication.content import phrases
from pipeline.settings.sections.content import Content, ContentCheck
from pipeline.sources.configuration import FullConfig

TEXTS = {
    "case": "A GARDEN Gnome of clay",
    "part": "gnomes and gnomelike things",
    "phrase": "hand-made  poison\n-- ivy, dried",
    "apart": "poison and ivy",
    "wide": "ｇｎｏｍｅ",  # full width
    "folded": "GROSSE STRASSE",
    "hidden": "gn\u00adome",  # a soft hyphen
    "accents": "Cafe\u0301 noir",
    "han": "这是禁止的商品",
    "emoji": "so sad💩indeed",
    "year": "ano nuevo",
    "sign": "gnome™ and poison ivy²",
    "kana": "コーヒー100g",
    "unseen": "gn\ufe0fo\u034fm\x08e",
    "stretched": "الســام",
    "dotless": "ISIRGAN",
    "heart": "with ❤ for you",
    "circled": "ⓖⓝⓞⓜⓔ",
    "empty": "",
}
WORDS = ("Gnome", "poison ivy", "straße", "café", "禁止", "💩", "año", "コーヒー", "السام", "ısırgan", "❤️")
FOUND = {
    "case": "Gnome",
    "phrase": "poison ivy",
    "wide": "Gnome",
    "folded": "straße",
    "hidden": "Gnome",
    "accents": "café",
    "han": "禁止",
    "emoji": "💩",
    "sign": "Gnome",
    "kana": "コーヒー",
    "unseen": "Gnome",
    "stretched": "السام",
    "dotless": "ısırgan",
    "heart": "❤️",
    "circled": "Gnome",
}


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    made = sql.connect(1, 256)
    sql.execute(made, "content/macros")
    return made


def looking(folder: Path, *checks: dict[str, object]) -> FullConfig:
    return FullConfig(home=folder, folder=folder, content=Content.model_validate({"checks": checks}))


def matched(
    connection: duckdb.DuckDBPyConnection, config: FullConfig, texts: dict[str, str]
) -> dict[tuple[str, str], str]:
    given = pa.table({"id": pa.array(texts.keys(), pa.string()), "text": pa.array(texts.values(), pa.string())})
    rows = phrases.matched(connection, given, phrases.read(connection, config)).to_pylist()
    return {(row["id"], row["check_name"]): row["matched"] for row in rows}


def test_words_and_phrases_are_found_whole_in_every_script(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (tmp_path / "words.txt").write_text("\ufeff# remark\n" + "\n\n".join(WORDS) + "\n", encoding="utf-8")
    config = looking(tmp_path, {"name": "filed", "file": "words.txt"}, {"name": "named", "words": WORDS})
    found = matched(connection, config, TEXTS)
    assert found == {(name, check): word for name, word in FOUND.items() for check in ("filed", "named")}


def test_of_several_the_first_in_the_text_is_told(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    config = looking(tmp_path, {"name": "one", "words": ["b", "a", "a b"]})
    assert matched(connection, config, {"x": "z b a", "y": "a b", "z": "ab"}) == {("x", "one"): "b", ("y", "one"): "a"}


def test_random_texts_have_what_a_search_word_by_word_finds(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    rng = random.Random(0)

    def words(number: int) -> list[str]:
        return ["".join(rng.choices("aBéßж9", k=2)) for _ in range(number)]

    wanted = sorted({" ".join(words(rng.randint(1, 3))) for _ in range(12)})
    texts = {str(n): rng.choice([" ", ", ", "-"]).join(words(8)) for n in range(200)}

    def said(text: str) -> list[str]:
        return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())

    def has(text: str, phrase: str) -> bool:
        there, asked = said(text), said(phrase)
        return any(there[at : at + len(asked)] == asked for at in range(len(there)))

    found = matched(connection, looking(tmp_path, {"name": "one", "words": wanted}), texts)
    expected = {name for name, text in texts.items() if any(has(text, phrase) for phrase in wanted)}
    assert {name for name, _ in found} == expected
    assert 0 < len(expected) < len(texts)
    assert all(has(texts[name], phrase) for (name, _), phrase in found.items())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("gnome\nc++\n", r"words.txt, line 2: 'c\+\+' begins or ends"),
        ("***", "line 1: '\\*\\*\\*' begins or ends"),
        ("# nothing\n\n", "has no word"),
        (b"\xff\xfe", "write it in UTF-8"),
        (None, "does not exist"),
    ],
)
def test_a_list_that_would_find_nothing_or_too_much_is_refused(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, content: str | bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / "words.txt").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=why):
        phrases.read(connection, looking(tmp_path, {"name": "one", "file": "words.txt"}))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "either words"),
        ({"words": ["a"], "label_set": "tone", "labels": ["bad"]}, "either words"),
        ({"label_set": "tone"}, "go together"),
        ({"words": ["a"], "labels": ["bad"]}, "go together"),
        ({"words": ["a"], "severity": "block", "shown_until_decided": True}, "never shown"),
    ],
)
def test_a_check_looks_for_one_thing(given: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ContentCheck.model_validate({"name": "one"} | given)


@pytest.mark.parametrize("names", [("one", "one"), ("editors",)])
def test_checks_have_names_of_their_own(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="otherwise"):
        Content.model_validate({"checks": [{"name": name, "words": ["a"]} for name in names]})
