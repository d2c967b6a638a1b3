"""What is said about a long loop: how much is done, and how long the rest takes."""

import logging
from datetime import date
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from pipeline.ground import artifacts, progress
from pipeline.sources import candidates


def test_the_time_left_is_at_the_rate_so_far(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    clock = iter([0.0, 5.0, 30.0, 40.0, 60.0, 90.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with caplog.at_level(logging.INFO):
        said = progress.track("als: lists", 4000, every=20)
        for done in (100, 1000, 1100, 2000, 4000):  # after 5, 30, 40, 60 and 90 seconds
            said(done)
    assert [record.message for record in caplog.records] == [
        "als: lists: 1,000 of 4,000, 90 s left",
        "als: lists: 2,000 of 4,000, 60 s left",
    ]


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (99, "99 s"), (600, "10 min"), (11_100, "3 h 5 min")])
def test_a_duration_in_words(seconds: float, words: str) -> None:
    assert progress.duration(seconds) == words


def test_a_stages_progress_bears_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not its folder's, which is a hidden one while the stage runs."""
    said: list[str] = []
    monkeypatch.setattr(candidates, "track", lambda what, total: said.append(what) or print)
    cutoff = Mock(cutoff=date(2011, 10, 2), targets=lambda: np.zeros(0, np.int32), assortments=dict)
    with artifacts.writing(artifacts.stage_dir(tmp_path, "als", date(2011, 10, 16))) as out:
        for folder in (out, out / "cutoff=2011-10-02"):
            folder.mkdir(exist_ok=True)
            candidates.write_ranked(folder, "lists", cutoff, Mock(), n=3, rows=2)
        monkeypatch.undo()
    assert said == ["als 2011-10-02: lists"] * 2
    assert artifacts.stage_of(artifacts.stage_dir(tmp_path, "als", date(2011, 10, 16)) / "x") == "als"
    assert artifacts.stage_of(tmp_path / "elsewhere") == "elsewhere"
