"""The language of each document: what its row says, what its text is guessed as, what those beside it are in."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import forget, stages
from pipeline.settings.config import Config
from pipeline.settings.sections.words import Languages
from pipeline.words import guessing, languages
from pipeline.words.spoken import UNKNOWN, Spoken
from tests.tiny_log import digests, rows_of
from tests.words import desk

N0, N1, N2 = (desk.night_of(n) for n in range(3))
MAPPING = (
    "select id as document_id, said as text, moment as time, who as author, thread as thread_id, tongue as language, "
    "_file, _row from raw"
)
ENGLISH = "Where can I see which transactions are still pending on my account?"
GERMAN = "Wann wird meine neue Karte endlich an meine Adresse verschickt?"
SAID, TEXT, THREAD, AUTHOR = "said", "guessed", "thread", "author"


def row(
    name: str, text: str, tongue: str | None = None, who: str | None = None, thread: str | None = None
) -> dict[str, Any]:
    return {"id": name, "said": text, "moment": None, "who": who, "thread": thread, "tongue": tongue}


def shop(folder: Path, nights: int = 2, **settings: Any) -> Config:
    section = {"declared": ["en", "de"]} | settings
    config = desk.desk(folder, nights, languages=section)
    (folder / "said.sql").write_text(MAPPING)
    return config


def say(folder: Path, night: Any, rows: list[dict[str, Any]]) -> None:
    desk.ask(
        folder, night, [one | {"moment": f"{night} {8 + n // 60:02d}:{n % 60:02d}:00"} for n, one in enumerate(rows)]
    )


def run(config: Config, night: Any, **how: Any) -> Path:
    stages.run_stage("ingest", night, config)
    stages.run_stage("languages", night, config, **how)
    return config.lake / "languages" / f"run_date={night}"


def found(folder: Path) -> dict[str, tuple[str | None, str | None]]:
    return {one["document_id"]: (one["language"], one["how"]) for one in rows_of(folder, "languages")}


def test_what_a_row_says_counts_else_its_text_else_its_thread_else_its_author(tmp_path: Path) -> None:
    pytest.importorskip("py3langid")
    config = shop(tmp_path)
    rows = [
        row("said", GERMAN, "EN_gb", "anna", "t"),
        row("text", GERMAN, None, "bert", "u"),
        row("short", "ok", None, "anna", "u"),
        row("alone", "ok", None, "bert"),
        row("between", "ok", None, None, "v"),
        row("v1", ENGLISH, None, None, "v"),
        row("v2", GERMAN, "de", None, "v"),
        row("other", ENGLISH, "fr", "anna", "t"),
        row("nobody", "12345 67890 :-)"),
    ]
    say(tmp_path, N0, rows)
    night = run(config, N0)
    assert found(night) == {
        "said": ("en", SAID),
        "text": ("de", TEXT),
        "short": ("de", THREAD),
        "alone": ("de", AUTHOR),
        "between": (None, None),  # one of each language in its thread
        "v1": ("en", TEXT),
        "v2": ("de", SAID),
        "other": (None, "other"),
        "nobody": (None, None),
    }
    report = artifacts.read_manifest(night)["report"]
    counts = ("documents", "en", "de", "de: said", "de: guessed", "de: thread", "de: author", "other", "unknown")
    assert [report[name] for name in counts] == [9, 2, 4, 1, 1, 1, 1, 1, 2]
    assert (report["tonight"], report["tonight: unknown"]) == (9, 2)


def test_rows_that_say_it_need_no_guesser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "py3langid.langid", None)
    rows = [row("a", ENGLISH, "en", "anna"), row("b", GERMAN, None, "anna"), row("c", GERMAN)]
    say(tmp_path, N0, rows)
    night = run(shop(tmp_path, guess=False), N0)
    assert found(night) == {"a": ("en", SAID), "b": ("en", AUTHOR), "c": (None, None)}
    with pytest.raises(
        InputError, match=r"languages\.guess needs the package py3langid: pip install '\.\[languages\]'"
    ):
        run(shop(tmp_path), N0, force=True)
    guessing.require(shop(tmp_path, guess=False))
    with pytest.raises(InputError, match=r"languages\.guess needs"):
        guessing.require(shop(tmp_path))


def test_a_language_that_nothing_knows_is_refused() -> None:
    pytest.importorskip("py3langid")
    with pytest.raises(InputError, match="names xx, of which py3langid knows no text"):
        guessing.load(["en", "xx"])
    with pytest.raises(ValueError, match="two or more"):
        Languages(declared=("en",))
    with pytest.raises(ValueError, match="each once"):
        Languages(declared=("en", "eng"))
    assert Languages(declared=("eng", "ger")).declared == ("en", "de")


def test_a_night_goes_on_from_the_one_before_and_is_the_same_made_anew(tmp_path: Path) -> None:
    pytest.importorskip("py3langid")
    made = []
    for name, nights in (("one", (N0, N1)), ("two", (N1,))):
        config = shop(tmp_path / name)
        say(tmp_path / name, N0, [row("a", ENGLISH, who="anna"), row("b", "ok", who="anna")])
        say(tmp_path / name, N1, [row("c", GERMAN), row("d", "ok", who="cleo"), row("e", ENGLISH, "de", "cleo")])
        for night in (N0, N1):
            stages.run_stage("ingest", night, config)
        for night in nights:
            folder = run(config, night)
        made.append({name: one for name, one in digests(folder).items() if name != "manifest.json"})
    assert made[0] == made[1]
    assert found(folder)["d"] == ("de", AUTHOR)


def test_a_guess_that_is_known_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def load(_: Any) -> guessing.Guess:
        return lambda text: (asked.append(text) or "en", 1.0)

    monkeypatch.setattr(guessing, "load", load)
    monkeypatch.setattr(guessing, "PACKAGE", "numpy")
    config = shop(tmp_path)
    say(tmp_path, N0, [row("a", ENGLISH), row("b", "ok then")])
    say(tmp_path, N1, [row("c", ENGLISH), row("d", GERMAN)])
    run(config, N0)
    run(config, N1)
    assert asked == [ENGLISH, GERMAN]


def test_nobody_who_is_forgotten_is_in_a_night(tmp_path: Path) -> None:
    config = shop(tmp_path, guess=False)
    say(tmp_path, N0, [row("a", ENGLISH, "en", "anna"), row("b", GERMAN, "de", "bert")])
    night = run(config, N0)
    forget.forget(config, ["anna"], N1)
    assert not night.exists()
    assert found(run(config, N0)) == {"b": ("de", SAID)}
    assert [one["user_id"] for one in rows_of(night, "authors")] == ["bert"]


def test_pseudonyms_are_in_it_as_in_the_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_PSEUDONYM_KEY", "k" * 40)
    config = desk.desk(tmp_path, 1, languages={"declared": ["en", "de"], "guess": False}, ingest={"pseudonyms": True})
    (tmp_path / "said.sql").write_text(MAPPING)
    say(tmp_path, N0, [row("a", ENGLISH, "en", "anna")])
    run(config, N0)
    for path in (config.lake / "languages").rglob("*"):
        assert not path.is_file() or b"anna" not in path.read_bytes()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        *(("pt-BR", "pt"), (" PT_br ", "pt"), ("en-US,en;q=0.9", "en"), ("fr", "fr")),
        *(("eng", "en"), ("GER", "de"), ("deu-AT", "de"), ("ast", "ast")),
        *(("iw_IL", "he"), ("in", "id"), ("mo", "ro"), ("scr", "hr")),
        *(
            (said, "")
            for said in ("", "und", "mul", "null", "english", "123", "-", "en,pt", "z" * 300_000, "fr\nroot: x")
        ),
    ],
)
def test_what_is_no_code_says_nothing(said: str, code: str) -> None:
    assert languages.plain(said) == code


def test_the_log_names_codes_and_nothing_else_that_rows_say(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hostile = "\x1b[2J\r\n2026-01-01 root: all is lost"
    rows = [row("a", ENGLISH, "FR_be"), row("b", ENGLISH, hostile), row("c", ENGLISH, "und"), row("d", GERMAN, "de")]
    say(tmp_path, N0, rows)
    night = run(shop(tmp_path, guess=False), N0)
    assert found(night) == {"a": (None, "other"), "b": (None, None), "c": (None, None), "d": ("de", SAID)}
    assert [one.getMessage() for one in caplog.records if "not declared" in one.getMessage()] == [
        "languages: 1 documents say a language that is not declared: fr (1)"
    ]


def test_the_most_usual_is_a_count() -> None:
    rng = np.random.default_rng(0)
    groups = rng.choice(np.array(["t1", "t2", "t3", "t4", None], dtype=object), 60)
    spoken = rng.choice(np.array(["en", "pt", None], dtype=object), 60)
    usual = languages.most(groups, spoken, ("en", "pt"))
    for group, one in zip(groups, usual, strict=True):
        counts = {name: int(((groups == group) & (spoken == name)).sum()) for name in ("en", "pt")}
        expected = None if group is None or counts["en"] == counts["pt"] else max(counts, key=lambda n: counts[n])
        assert one == expected


def test_a_text_is_in_the_language_of_most_of_its_documents() -> None:
    spoken = Spoken(("en", "pt"), np.array([0, 1, 1, UNKNOWN, 0, 1]))
    of = spoken.of_texts(np.array([0, 1, 2, 3, 4, 5]), np.array([0, 0, 0, 1, 2, 2]), 4)
    assert of.tolist() == [1, UNKNOWN, UNKNOWN, UNKNOWN]
    assert spoken.labels.tolist() == ["en", "pt", "pt", "unknown", "en", "pt"]
