"""The model card of a made-up night, against the evaluation that it speaks of."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.ground import artifacts
from pipeline.judging import card, champion, evaluate
from tests.judged_night import CUTOFF, NIGHT, Night, make


@pytest.fixture(autouse=True)
def no_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is published yet."""
    monkeypatch.setattr(champion, "find", lambda *_: None)


def ingested(night: Night) -> None:
    """Two nights' partitions, of whose rows a few were refused, and a third one that came later."""
    for age, (taken, refused) in enumerate([(7, 2), (5, 1), (100, 0)]):
        folder = artifacts.stage_dir(night.config.lake, "ingest", NIGHT + timedelta(days=age - 1))
        folder.mkdir(parents=True)
        types = [{"type": "purchase", "events": taken - 1}, {"type": "x|<b>*", "events": 1}]
        quality = {"rows": taken + refused, "null_users": age, "types": types}
        report = {"rejects": refused, "quality": quality}
        (folder / artifacts.MANIFEST).write_text(json.dumps({"report": report}))


def made(night: Night, name: str = "out") -> tuple[dict[str, object], str]:
    out = night.config.home / name
    out.mkdir(parents=True)
    report = evaluate.run(**night.inputs(), run_date=NIGHT, config=night.config, out=out)
    return report, (out / card.FILE).read_text(encoding="utf-8")


def test_its_numbers_are_the_evaluations(tmp_path: Path) -> None:
    night = make(tmp_path)
    report, text = made(night)
    for metric in ("ndcg", "hit_rate"):
        value, low, high = (f"{report[f'all.final.{metric}{end}']:.4f}" for end in ("", ".low", ".high"))
        assert f"@10 | {value} | {low} to {high} |".replace("_", r"_") in text
    first, last = CUTOFF + timedelta(days=1), CUTOFF + timedelta(days=night.config.horizon_days)
    assert f"Judged by what users did from {first} to {last}, which nothing that is judged had seen." in text
    assert "The gate lets it pass: first publication." in text
    assert "| for_you | users | heavy | 0." in text


def test_the_data_sheet_counts_what_had_arrived(tmp_path: Path) -> None:
    night = make(tmp_path)
    ingested(night)
    _, text = made(night)
    assert f"* 2 nights of the log, {NIGHT - timedelta(days=1)} to {NIGHT}." in text
    assert "* 15 rows read, 12 events taken, 3 rows refused." in text
    assert "* 1 events of nobody who is known" in text
    assert "| purchase | 10 | 1.0 | yes |" in text
    assert r"| x\|&lt;b>\* | 2 | none |  |" in text


def test_the_same_night_has_the_same_card_and_one_without_a_log_says_so(tmp_path: Path) -> None:
    night = make(tmp_path)
    _, first = made(night, "one")
    _, again = made(night, "two")
    assert first == again
    assert "Nothing is known of the log." in first
    assert "* No stage was made with differential privacy." in first


def test_a_damaged_partition_stops_no_night(tmp_path: Path) -> None:
    night = make(tmp_path)
    ingested(night)
    (artifacts.stage_dir(night.config.lake, "ingest", NIGHT) / artifacts.MANIFEST).write_text("{")
    assert "* 9 rows read" in made(night)[1]
