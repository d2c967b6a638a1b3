"""A classifier judged language by language: counts worked by hand, and a language in which it is worse is named."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.ground import artifacts
from pipeline.operations import stages
from pipeline.words import by_language
from pipeline.words.quality import Judged
from tests.tiny_log import digests, rows_of
from tests.words import desk

N0, N1 = (desk.night_of(n) for n in range(2))
MAPPING = desk.MAPPING.replace("tags as labels", "tags as labels, tongue as language")


def judged(right: np.ndarray) -> Judged:
    """Documents of which the classifier is right or not, and always answers."""
    number = len(right)
    given = np.array(["card", "fee"] * number, dtype=object)[:number]
    best = np.where(right, given, "other").astype(object)
    return Judged(given, best, np.full(number, 0.9), np.zeros(number, dtype=bool), np.ones(number, dtype=bool))


def test_figures_are_counts() -> None:
    right = np.array([True] * 45 + [False] * 5 + [True] * 10 + [False] * 10 + [True] * 3)
    languages = np.array(["en"] * 50 + ["pt"] * 20 + ["unknown"] * 3, dtype=object)
    rows = by_language.figures("intent", judged(right), languages, 0)
    found = {(one["language"], one["metric"]): one for one in rows}
    assert {language for language, _ in found} == {"en", "pt"}  # of three documents nothing is said
    assert found["en", "accuracy"]["value"] == pytest.approx(0.9)
    assert found["pt", "precision"]["value"] == pytest.approx(0.5)
    assert found["pt", "answered"]["documents"] == 20
    differ = found["pt", by_language.DIFFERENCE]
    assert differ["value"] == pytest.approx(10 / 20 - 48 / 53)
    spread = np.sqrt(0.5 * 0.5 / 20 + 48 / 53 * 5 / 53 / 53)  # of two independent shares
    assert differ["high"] == pytest.approx(differ["value"] + 1.96 * spread, abs=0.03)
    assert differ["low"] == pytest.approx(differ["value"] - 1.96 * spread, abs=0.03)
    assert by_language.worse(rows) == ["pt"]


def test_a_language_alone_is_compared_with_none() -> None:
    rows = by_language.figures("intent", judged(np.ones(30, dtype=bool)), np.full(30, "en", dtype=object), 0)
    assert by_language.DIFFERENCE not in {one["metric"] for one in rows}


def test_a_language_that_is_judged_worse_is_seen_and_without_declared_ones_nothing_moves(tmp_path: Path) -> None:
    names = sorted(desk.ABOUT)
    taught = [desk.question(n, N0, names[n % 3]) | {"tongue": "en"} for n in range(240)]
    for n in range(0, 240, 3):  # every third says nothing that could be learned
        taught[n] |= {"said": f"wort{n} satz{n}", "tongue": "de", "tags": {"intent": names[n // 3 % 3]}}
    made = {}
    for name, mapping, languages in (
        ("plain", desk.MAPPING, {}),
        ("said", MAPPING, {}),
        ("declared", MAPPING, {"declared": ["en", "de"], "guess": False}),
    ):
        config = desk.desk(tmp_path / name, 1, languages=languages)
        (tmp_path / name / "said.sql").write_text(mapping)
        desk.ask(tmp_path / name, N0, taught)
        for stage in ("ingest", *(["languages"] if languages else []), "classify"):
            stages.run_stage(stage, N0, config)
        made[name] = config.lake / "classify" / f"run_date={N0}"
    assert digests(made["plain"]) == digests(made["said"])
    assert digests(made["declared"]).keys() - digests(made["said"]) == {by_language.FILE, by_language.CARD}
    report = artifacts.read_manifest(made["declared"])["report"]
    assert report["intent: worse in"] == "de"
    assert report["intent: accuracy: en"] > report["intent: accuracy: de"]
    assert report["intent: answered: en"] > 0.9
    assert report["intent: answered: de"] < 0.1  # where nothing can be learned, nothing is sure
    card = (made["declared"] / by_language.CARD).read_text()
    assert "**de is judged worse than the rest.**" in card
    rows = rows_of(made["declared"], "by_language")
    assert {one["language"] for one in rows} == {"en", "de"}
