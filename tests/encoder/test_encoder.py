"""An encoder gives a text the same vector whatever stands beside it, and is saved as what it is."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.encoder import encoder as encoders
from pipeline.encoder import saved
from pipeline.encoder.pretrained import Pooling
from pipeline.ground.errors import InputError
from tests.encoder.planted_taste import TEXTS


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_vectors_are_what_transformers_gives_for_one_text_alone(tiny: Path, pooling: Pooling) -> None:
    import torch

    encoder = encoders.load(str(tiny), pooling=pooling)
    texts = ["red mug", "blue plate lamp star", "toy"]
    vectors = encoder.encode([*texts, texts[0]], batch=2)
    for text, vector in zip(texts, vectors, strict=False):
        with torch.inference_mode():
            hidden = encoder.model(**encoder.tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy()
        expected = hidden.mean(axis=0) if pooling == "mean" else hidden[0]
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)
    np.testing.assert_array_equal(vectors[3], vectors[0])


def test_long_texts_are_cut_and_prefixed(tiny: Path) -> None:
    encoder = encoders.load(str(tiny), prefix="red ", max_tokens=5)
    assert encoder.tokenise(["mug " * 50]) == encoder.tokenise(["mug mug"])
    unknown = encoder.tokenizer.convert_tokens_to_ids(["[CLS]", "red", "mug", "[SEP]"])
    assert encoder.tokenise(["mug"]) == [unknown]


def test_an_empty_text_has_a_zero_vector(tiny: Path) -> None:
    vectors = encoders.load(str(tiny)).encode(["", "red mug", "   "])
    assert np.isfinite(vectors).all()
    assert vectors.any(axis=1).tolist() == [False, True, False]
    assert encoders.load(str(tiny)).encode([]).shape == (0, 16)


def test_a_saved_encoder_comes_back_the_same(tiny: Path, tmp_path: Path) -> None:
    encoder = encoders.load(str(tiny), pooling="first", prefix="red ", max_tokens=7)
    encoder.save(tmp_path)
    again = saved.load(tmp_path)
    assert (again.pooling, again.prefix, again.max_tokens) == ("first", "red ", 7)
    np.testing.assert_array_equal(again.encode(["mug", "plate"]), encoder.encode(["mug", "plate"]))
    assert not list(tmp_path.glob("*.bin"))


def test_a_shortened_encoder_is_saved_and_read_as_one(tmp_path: Path, tiny: Path) -> None:
    short = encoders.load(str(tiny), layers=1)
    short.save(tmp_path / "short")
    again = saved.load(tmp_path / "short")
    assert isinstance(again, encoders.Encoder)
    assert again.model.config.num_hidden_layers == 1
    np.testing.assert_array_equal(again.encode(TEXTS), short.encode(TEXTS))
    assert np.abs(short.encode(TEXTS) - encoders.load(str(tiny)).encode(TEXTS)).max() > 1e-3
    with pytest.raises(InputError, match="the encoder has only 2"):
        encoders.load(str(tiny), layers=3)
