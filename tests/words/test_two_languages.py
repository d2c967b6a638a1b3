"""One night with two languages: the messages of Airflow's pages, which people have written in English and Portuguese.

Their keys say what each is about and in which language it is; the log says neither, but for labels.
"""

from pathlib import Path

import pytest

from benchmarks.languages import messages
from pipeline.ground import artifacts
from pipeline.operations import stages
from tests.tiny_log import rows_of
from tests.words import desk

NIGHT = desk.night_of(0)
LANGUAGES = ("en", "pt")
PAGES = ("admin", "dag", "hitl")


@pytest.mark.slow
def test_one_night_with_two_languages(tmp_path: Path) -> None:
    pytest.importorskip("py3langid")
    said = {name: messages(name) for name in LANGUAGES}
    rows = []
    for key, english in said["en"].items():
        page, portuguese = key.partition(".")[0], said["pt"].get(key, english)
        for language, text in zip(LANGUAGES, (english, portuguese), strict=True):
            if page in PAGES and english != portuguese:
                one = desk.question(len(rows) % 720, NIGHT, "card")
                rows.append(one | {"id": f"{language} {key}", "said": text, "tags": {"intent": page}})
    config = desk.desk(tmp_path, 1, languages={"declared": list(LANGUAGES)}, topics={"enabled": True, "model": "none"})
    desk.ask(tmp_path, NIGHT, rows)
    for stage in ("ingest", "languages", "classify", "topics"):
        stages.run_stage(stage, NIGHT, config)
    night = config.lake / "languages" / f"run_date={NIGHT}"
    found = {one["document_id"]: one for one in rows_of(night, "languages")}
    guessed = {name for name, one in found.items() if one["how"] == "guessed"}
    right = {name for name in guessed if found[name]["language"] == name[:2]}
    assert len(rows) > 300
    assert len(guessed) > 0.35 * len(rows)  # messages of a page are short: most have fewer than twenty letters
    assert len(right) >= 0.99 * len(guessed)
    report = artifacts.read_manifest(night)["report"]
    assert report["en: guessed"] + report["pt: guessed"] + report["unknown"] == len(rows)
    judged = {one["language"] for one in rows_of(config.lake / "classify" / night.name, "by_language")}
    assert {"en", "pt"} <= judged
    topics = artifacts.read_manifest(config.lake / "topics" / night.name)["report"]
    assert topics["rows: en"] > 0
    assert topics["rows: pt"] > 0
