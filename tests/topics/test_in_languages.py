"""Topics in two languages: each in one, told by words that are rare in it and not by those that all of it has."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.answers import exact, vectors
from pipeline.ground import artifacts
from pipeline.operations import stages
from pipeline.topics import grouping
from tests.tiny_log import rows_of
from tests.topics import test_topics as one_language

NIGHT = one_language.NIGHTS[0]
GERMAN = {
    "streik": "Streik der Piloten",
    "ernte": "Ernte der Bauern",
}


def paper(folder: Path, **settings: Any) -> Path:
    """Thirty texts on each of two English topics, and twelve on each of two German ones, whose rows say so."""
    said = {"strike": ("en", 30), "harvest": ("en", 30), "streik": ("de-AT", 12), "ernte": ("de", 12)}
    texts = one_language.SAID | GERMAN
    rows = [
        one_language.news("strike", NIGHT, n, id=f"{about}{n}", about=[about], said=f"{texts[about]}, nr{n}")
        | {"tongue": tongue}
        for about, (tongue, number) in said.items()
        for n in range(number)
    ]
    config = one_language.paper(folder, [rows], past_days=3, likeness=0.5)
    config = config.model_copy(update={"languages": type(config.languages)(**settings)})
    mapping = one_language.MAPPING.replace("about as entities", "about as entities, tongue as language")
    (folder / "said.sql").write_text(mapping)
    for stage in ("ingest", *(["languages"] if settings else []), "topics"):
        stages.run_stage(stage, NIGHT, config)
    return config.lake / "topics" / f"run_date={NIGHT}"


def test_words_tell_a_topic_and_not_its_language(tmp_path: Path) -> None:
    night = paper(tmp_path / "two", declared=["en", "de"], guess=False)
    found = {one["entities"][0]: set(one["words"]) for one in rows_of(night, "topics")}
    assert found.keys() == {"strike", "harvest", "streik", "ernte"}
    assert found["streik"] == {"piloten", "streik"}
    assert found["ernte"] == {"bauern", "ernte"}
    report = artifacts.read_manifest(night)["report"]
    assert [report[f"rows: {name}"] for name in ("en", "de", "other", "unknown")] == [2, 2, 0, 0]
    among_all = [set(one["words"]) for one in rows_of(paper(tmp_path / "one"), "topics") if one["documents"] < 30]
    assert all("der" in words for words in among_all)  # what is wrong with telling a German topic from English ones


@pytest.mark.parametrize("likeness", [0.0, 0.3])
def test_the_topics_of_a_language_are_those_of_a_paper_that_has_nothing_else(likeness: float) -> None:
    texts = [f"{text}, nr{n}" for n in range(5) for text in (*one_language.SAID.values(), *GERMAN.values())]
    languages = np.array([0, 0, 0, 1, 1] * 5)
    found = exact.rounded(vectors.hashed(np.array(texts, dtype=object)))
    before = np.arange(25) % 4 - 1
    of = grouping.in_languages(found, likeness, before, languages)
    for language in (0, 1):
        mine = np.flatnonzero(languages == language)
        alone = grouping.groups(found[mine], likeness, before[mine])
        pairs = set(zip(of[mine].tolist(), alone.tolist(), strict=True))
        assert len(pairs) == len(set(alone.tolist())) == len({one for one, _ in pairs})
    assert not set(of[languages == 0]) & set(of[languages == 1])
    first = [of.tolist().index(topic) for topic in range(of.max() + 1)]
    assert first == sorted(first)
