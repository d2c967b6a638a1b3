"""The stage: what it writes, the same bytes again, what nights share, and when it stops."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.encoder import fine_tune, lexicon
from pipeline.encoder import vectors as text_vectors
from pipeline.ground import artifacts
from pipeline.ground.errors import TrainingError
from pipeline.operations import stages
from pipeline.settings.sections.fine_tune import FineTune
from tests.encoder.planted_taste import KINDS, TEXTS, planted, tuned
from tests.encoder.text_shop import write_text_shop
from tests.sources.shop import NIGHT, config_for, contents


def test_the_stage_writes_what_transformers_reads(shop: Path, tmp_path: Path, tiny: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    report = tuned(tmp_path, tiny)["report"]
    folder = artifacts.stage_dir(tmp_path / "lake", "fine_tune", NIGHT) / "encoder"
    assert (report["steps"], report["texts"], report["cut_short"], report["linked"]) == (3, 12, False, False)
    assert AutoModel.from_pretrained(folder).config.hidden_size == 16
    assert AutoTokenizer.from_pretrained(folder)("red mug")["input_ids"]
    curve = pq.read_table(folder / "metrics.parquet").to_pydict()
    assert curve["step"] == [1, 2, 3]
    assert np.isfinite(curve["loss"]).all()
    assert not [path for path in folder.iterdir() if path.suffix in {".bin", ".pkl", ".pt"}]


def test_two_trainings_give_the_same_bytes_and_a_rerun_is_linked(
    shop: Path, tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned(tmp_path, tiny)
    folder = artifacts.stage_dir(tmp_path / "lake", "fine_tune", NIGHT)
    first = contents(folder)
    with monkeypatch.context() as patched:
        patched.setattr(stages, "is_current", lambda *_: False)
        linked = stages.run_stage("fine_tune", NIGHT, config_for(tmp_path, fine_tune=settings_of(folder)))
    assert linked["report"]["linked"]
    folder.rename(tmp_path / "elsewhere")
    assert not tuned(tmp_path, tiny)["report"]["linked"]
    assert contents(folder) == first


def test_the_next_week_links_the_encoder_and_encodes_only_the_texts_that_came_since(tmp_path: Path, tiny: Path) -> None:
    bought, new, later = planted(TEXTS, KINDS, users=12), "green mug", NIGHT + timedelta(days=7)
    lake, texts = tmp_path / "lake", [*TEXTS, new]
    wider = np.pad(bought, ((0, 0), (0, 1)))
    write_text_shop(lake, {NIGHT: bought}, TEXTS, learned=bought)
    write_text_shop(lake, {later: wider}, texts, learned=bought, tuned=TEXTS, night=later)
    tuned(tmp_path, tiny)
    report = tuned(tmp_path, tiny, night=later)["report"]
    first, second = (artifacts.stage_dir(lake, "fine_tune", night) for night in (NIGHT, later))
    assert report["linked"]
    assert contents(second / "encoder") == contents(first / "encoder")
    rows, vectors = text_vectors.known_vectors(second / "texts")
    old_rows, old_vectors = text_vectors.known_vectors(first / "texts")
    assert set(rows) == set(old_rows) | {new}
    for text, row in old_rows.items():
        np.testing.assert_array_equal(vectors[rows[text]], old_vectors[row])
    fresh = text_vectors.load(second / "encoder").encode([new])
    np.testing.assert_allclose(vectors[rows[new]], fresh[0], atol=1e-6)


def settings_of(folder: Path) -> dict[str, Any]:
    settings: dict[str, Any] = artifacts.read_manifest(folder)["config"]["fine_tune"]
    return settings


def test_the_time_limit_cuts_short_and_says_so(
    shop: Path, tmp_path: Path, tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        report = tuned(tmp_path, tiny, time_limit_minutes=1e-9)["report"]
    assert (report["steps"], report["cut_short"]) == (1, True)
    assert "cut short after 1 of 3 steps" in caplog.text


def test_nothing_to_learn_from_leaves_the_encoder_as_it_came(tmp_path: Path, tiny: Path) -> None:
    nothing = np.zeros((2, len(TEXTS)), dtype=np.float32)
    write_text_shop(tmp_path / "lake", {NIGHT: nothing + 1}, TEXTS, learned=nothing)
    report = tuned(tmp_path, tiny)["report"]
    assert report["steps"] == 0


def test_without_a_model_an_items_vector_is_its_words(shop: Path, tmp_path: Path) -> None:
    done = stages.run_stage(
        "fine_tune", NIGHT, config_for(tmp_path, fine_tune={"model": "none", "steps": 0, "lexicon_size": 4})
    )
    folder = artifacts.stage_dir(tmp_path / "lake", "fine_tune", NIGHT)
    known, vectors = text_vectors.known_vectors(folder / fine_tune.TEXTS)
    words = lexicon.fit(sorted(known), 4, config_for(tmp_path).seed)
    assert done["report"]["steps"] == 0
    np.testing.assert_array_equal(vectors, words.encode(sorted(known)))
    fresh = text_vectors.load(folder / fine_tune.PART).encode(["red mug", ""])
    np.testing.assert_array_equal(fresh, np.vstack([words.encode(["red mug"]), np.zeros((1, 4))]))


def test_a_model_of_neither_encoder_nor_words_is_refused() -> None:
    with pytest.raises(ValueError, match="no numbers"):
        FineTune(model="none", lexicon_size=0)


def test_a_loss_that_is_not_finite_stops_the_run(shop: Path, tmp_path: Path, tiny: Path) -> None:
    with pytest.raises(TrainingError, match=r"lower fine_tune\.learning_rate"):
        tuned(tmp_path, tiny, learning_rate=1e30)


def test_accumulated_batches_enter_one_step(shop: Path, tmp_path: Path, tiny: Path) -> None:
    tuned(tmp_path, tiny, accumulate=3, epochs=0)
    curve = pq.read_table(next((tmp_path / "lake").rglob("metrics.parquet"))).to_pydict()
    assert curve["step"] == [1, 2, 3]
    home = tmp_path / "one"
    write_text_shop(home / "lake", {NIGHT: planted(TEXTS, KINDS, users=12)}, TEXTS, learned=planted(TEXTS, KINDS, 12))
    tuned(home, tiny, epochs=0)
    single = pq.read_table(next((home / "lake").rglob("metrics.parquet"))).to_pydict()
    assert curve["positives"][0] > 2 * single["positives"][0]
