"""Curves in TensorBoard are read back; the others are asked for by name, and a missing package says so."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipeline.encoder import trackers
from pipeline.ground.errors import InputError


def test_tensorboard_holds_every_number(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracker = trackers.Several(("tensorboard",), tmp_path, "run", {})
    for step in range(3):
        tracker.log(step, {"loss": 1.5 / (step + 1), "dev_ndcg_10": 0.25})
    tracker.close()
    read = EventAccumulator(str(tmp_path / "tensorboard" / "run"))
    read.Reload()
    assert [(event.step, event.value) for event in read.Scalars("loss")] == [(0, 1.5), (1, 0.75), (2, 0.5)]
    assert {event.value for event in read.Scalars("dev_ndcg_10")} == {0.25}


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_missing_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: Any) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=rf"fine_tune\.track names '{name}'.* pip install {name}"):
        trackers.Several((name,), tmp_path, "run", {})


def test_wandb_stays_offline_unless_it_is_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    class Run:
        def log(self, values: dict[str, float], step: int) -> None:
            asked.append({"step": step} | values)

        def finish(self) -> None:
            asked.append({"finished": True})

    fake = ModuleType("wandb")
    fake.init = lambda **given: asked.append(given) or Run()  # type: ignore[attr-defined,func-returns-value]
    monkeypatch.setitem(sys.modules, "wandb", fake)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    tracker = trackers.Several(("wandb",), tmp_path / "home", "run", {"steps": 3})
    tracker.log(2, {"loss": 0.5})
    tracker.close()
    assert (asked[0]["mode"], asked[0]["name"], asked[0]["dir"]) == ("offline", "run", str(tmp_path / "home"))
    assert asked[1:] == [{"step": 2, "loss": 0.5}, {"finished": True}]
