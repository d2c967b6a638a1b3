"""A tuning goes on from the last one for so long, and never to the worse."""

import itertools
import logging
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.encoder import fine_tune
from pipeline.encoder.learner import EncoderLearner
from pipeline.ground import artifacts
from pipeline.settings.sections.fine_tune import FineTune
from tests.encoder.planted_taste import KINDS, TEXTS, planted, tuned
from tests.encoder.text_shop import write_text_shop
from tests.sources.shop import NIGHT, config_for


def test_a_tuning_goes_on_from_the_last_one_for_so_long_and_never_to_the_worse(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bought = planted(TEXTS, KINDS, users=24)
    learned = bought * (np.random.default_rng(0).random(bought.shape) < 0.6)
    days = config_for(tmp_path).tuning_days
    nights = [NIGHT + timedelta(days=days * n) for n in range(4)]
    settings = {"steps": 6, "warm_starts": 2, "warm_steps": 2, "learning_rate": 1e-3}
    for night in nights:
        write_text_shop(tmp_path / "lake", {night: bought}, TEXTS, learned=learned, later=bought, night=night)
    rises = itertools.count()
    names = [
        f"{split}_{name}" for split in ("dev", "test") for name in ("ndcg_10", "recall_50", "precision", "recall", "f1")
    ]
    monkeypatch.setattr(EncoderLearner, "judge", lambda *_: dict.fromkeys(names, next(rises) / 100))
    reports = [tuned(tmp_path, tiny, night=night, **settings)["report"] for night in nights]
    assert [(report["generation"], report["steps"]) for report in reports] == [(0, 6), (1, 2), (2, 2), (0, 6)]
    again = tuned(tmp_path, tiny, night=nights[1], **settings)
    assert again["skipped"]
    falls = itertools.count(0, -1)
    monkeypatch.setattr(EncoderLearner, "judge", lambda *_: dict.fromkeys(names, 0.5 + next(falls) / 100))
    later = NIGHT + timedelta(days=days * 5)
    write_text_shop(tmp_path / "lake", {later: bought}, TEXTS, learned=learned, later=bought, night=later)
    with caplog.at_level(logging.WARNING):
        report = tuned(tmp_path, tiny, night=later, **settings)["report"]
    assert (report["generation"], report["steps"]) == (0, 6)
    assert "starts from" in caplog.text
    with pytest.raises(ValueError, match="warm_starts needs mode full"):
        FineTune(warm_starts=1, mode="head")


def test_a_finished_tuning_holds_as_long_as_it_would_go_on_from_the_same_one(tmp_path: Path, tiny: Path) -> None:
    bought = planted(TEXTS, KINDS, users=24)
    learned = bought * (np.random.default_rng(0).random(bought.shape) < 0.6)
    days = config_for(tmp_path).tuning_days
    nights = [NIGHT + timedelta(days=days * n) for n in range(3)]
    settings = {"steps": 2, "warm_starts": 2, "warm_steps": 1}
    config = config_for(tmp_path, fine_tune=settings | {"model": str(tiny)})
    for night in nights:
        write_text_shop(tmp_path / "lake", {night: bought}, TEXTS, learned=learned, later=bought, night=night)
    first, last = (tuned(tmp_path, tiny, night=nights[n], **settings) for n in (0, 2))
    keys = [manifest["report"]["key"] for manifest in (first, last)]
    assert [manifest["report"]["parent"] for manifest in (first, last)] == [None, keys[0]]
    assert fine_tune.still_holds(config, first)
    assert fine_tune.still_holds(config, last)
    assert tuned(tmp_path, tiny, night=nights[2], **settings)["skipped"]
    between = tuned(tmp_path, tiny, night=nights[1], **settings)["report"]
    assert not fine_tune.still_holds(config, last)  # a later tuning lies before it now
    assert tuned(tmp_path, tiny, night=nights[2], **settings)["report"]["parent"] == between["key"]
    for night in nights[:2]:
        artifacts.remove(artifacts.stage_dir(config.lake, "fine_tune", night))
    alone = tuned(tmp_path, tiny, night=nights[2], **settings)
    assert "skipped" not in alone
    assert (alone["report"]["parent"], alone["report"]["generation"]) == (None, 0)


def test_a_tuning_from_the_pretrained_encoder_holds_whatever_lies_before_it(tmp_path: Path, tiny: Path) -> None:
    config = config_for(tmp_path, fine_tune={"model": str(tiny)})
    made = {"run_date": NIGHT.isoformat(), "report": {"parent": None}}
    assert fine_tune.still_holds(config, made)
    assert fine_tune.still_holds(config, made | {"report": {"enabled": False}})
    assert not fine_tune.still_holds(config, made | {"report": {"parent": "one that is gone"}})
