"""Every tuning mode: trains what it says, changes the vectors, is saved whole, and gives the same vectors again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.arrays import determinism
from pipeline.encoder import encoder as encoders
from pipeline.encoder import fine_tune, modes, saved, training
from pipeline.encoder import vectors as text_vectors
from pipeline.ground import artifacts
from pipeline.operations import stages
from pipeline.settings.sections.fine_tune import FineTune
from tests.encoder.planted_taste import KINDS, TEXTS, planted
from tests.encoder.text_shop import write_text_shop
from tests.sources.shop import NIGHT, config_for, contents

MODES: tuple[Any, ...] = ("full", "lora", "adalora", "prefix", "head")


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_trains_is_saved_and_gives_the_same_vectors_again(tmp_path: Path, tiny: Path, mode: Any) -> None:
    section = FineTune(mode=mode, rank=2, steps=12, batch_items=8, frozen_share=0.0, learning_rate=0.02)
    with determinism.reproducible(seed=0, threads=1):
        encoder = encoders.load(str(tiny))
        untouched = encoder.encode(TEXTS)
        weights = {name: p.clone() for name, p in encoder.model.named_parameters()}
        trained, curve, _ = training.train(encoder, TEXTS, csr_matrix(planted(TEXTS, KINDS, 12)), section, 0)
        vectors = trained.encode(TEXTS)
    assert len(curve) == 12
    assert np.abs(vectors - untouched).max() > 1e-3
    assert not vectors[-1].any()  # the empty text
    trained.save(tmp_path / "saved")
    again = saved.load(tmp_path / "saved")
    np.testing.assert_array_equal(again.encode(TEXTS), vectors)
    base = encoders.load(str(tmp_path / "saved"))
    same = all(bool((p == weights[name]).all()) for name, p in base.model.named_parameters())
    assert same is (mode in {"prefix", "head"})
    assert (tmp_path / "saved" / encoders.ADAPTER).is_dir() is (mode == "prefix")
    assert (tmp_path / "saved" / encoders.HEAD).is_file() is (mode == "head")
    named = [path for path in (tmp_path / "saved").rglob("*.json") if str(tiny) in path.read_text()]
    assert not [path for path in named if path.parent.name == encoders.ADAPTER]


def test_small_modes_train_a_small_share_of_the_parameters(tiny: Path) -> None:
    count = {}
    for mode in MODES:
        _, parameters = modes.attach(encoders.load(str(tiny)), FineTune(mode=mode, rank=1, frozen_share=0.0))
        count[mode] = sum(parameter.numel() for parameter in parameters)
    assert max(count, key=lambda mode: count[mode]) == "full"
    assert count["prefix"] == 2 * 2 * 16  # a key and a value of each of two layers
    assert count["head"] == 16 * 16 + 16


@pytest.mark.parametrize("mode", ["lora", "prefix", "head"])
def test_the_stage_runs_in_every_mode_and_twice_gives_the_same_bytes(tmp_path: Path, tiny: Path, mode: str) -> None:
    bought = planted(TEXTS, KINDS, users=12)
    section = {"model": str(tiny), "mode": mode, "rank": 2, "steps": 4, "batch_items": 8, "lexicon_size": 4}
    made = []
    for name in ("one", "two"):
        write_text_shop(tmp_path / name / "lake", {NIGHT: bought}, TEXTS, learned=bought)
        stages.run_stage("fine_tune", NIGHT, config_for(tmp_path / name, fine_tune=section))
        made.append(artifacts.stage_dir(tmp_path / name / "lake", "fine_tune", NIGHT))
    assert contents(made[0]) == contents(made[1])
    known, vectors = text_vectors.known_vectors(made[0] / fine_tune.TEXTS)
    fresh = text_vectors.load(made[0] / fine_tune.PART).encode(list(known))
    np.testing.assert_allclose(fresh, vectors, atol=1e-6)
