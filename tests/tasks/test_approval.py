"""The question a person is asked, with names that mean harm."""

import html
import re
from datetime import date
from pathlib import Path

from pipeline.ground import artifacts
from pipeline.sources import configuration
from pipeline.tasks.approval import escaped, question

NIGHT = date(2011, 10, 2)
REPORT = {
    "gate": "overridden",
    "champion": "2011-09-25-<script>alert(1)</script>",
    "judged_cutoff": "2011-09-18",
    "k": 10,
    "deep": 50,
    "all.final.ndcg": 0.34683,
    "all.final.ndcg.low": 0.3165,
    "all.final.ndcg.high": 0.3629,
    "all.opponent": "[click](javascript:alert(1)) | `x`\n# heading",
    "all.opponent.difference": -0.01234,
    "all.opponent.low": -0.02,
    "all.opponent.high": 0.0021,
}


def asked(home: Path) -> tuple[str, str]:
    settings = configuration.FullConfig(home=home)
    folder = artifacts.stage_dir(settings.lake, "evaluate", NIGHT)
    folder.mkdir(parents=True)
    artifacts.write_manifest(folder, {"report": REPORT})
    return question(settings, NIGHT)


def shown(markdown: str) -> str:
    """What a reader of the rendered text sees."""
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown))


def test_the_question_shows_the_gates_comparison(tmp_path: Path) -> None:
    subject, body = asked(tmp_path)
    assert subject == "Publish the tables of 2011-10-02?"
    text = shown(body)
    assert "Gate: overridden" in text
    assert "ndcg@10 0.3468 [0.3165, 0.3629]" in text
    assert "-0.0123 [-0.0200, +0.0021]" in text
    assert "not judged" in text  # the pool `new` has no figures
    assert str(tmp_path / "lake/evaluate/run_date=2011-10-02/report.html") in text


def test_no_text_becomes_markup(tmp_path: Path) -> None:
    body = asked(tmp_path)[1]
    assert "<" not in body
    plain = re.sub(r"\\.", "", body)  # without what is escaped, the table and the list are all that is left
    assert not re.search(r"[\[\]`#()]", plain)
    rows = [line for line in plain.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {6}


def test_escaping_changes_nothing_that_is_seen() -> None:
    for text in ("a_b*c", "{{ dag.dag_id }}", "<b>&amp;</b>", "5 % ~x~ | y", "naïve 🦊"):
        assert shown(escaped(text)) == text
    assert escaped("a\x00b\u202ec\nd") == "a\ufffdb\ufffdc d"
