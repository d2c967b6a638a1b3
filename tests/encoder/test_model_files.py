"""A model is data: nothing that it brings is run, and nobody is asked whether it may be."""

import ast
import json
from pathlib import Path

import pytest

from pipeline.encoder import encoder as encoders
from pipeline.encoder import pretrained
from pipeline.ground.errors import InputError
from tests.encoder.tiny_encoder import write_tiny_bert

ROOT = Path(__file__).parents[2]
EVIL = """
from pathlib import Path
from transformers import BertConfig, BertModel, BertTokenizerFast

(Path(__file__).parent / "ran").touch()
Path({marker!r}).touch()


class Config(BertConfig):
    pass


class Model(BertModel):
    pass


class Tokenizer(BertTokenizerFast):
    pass
"""
CLASSES = {
    "config.json": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"},
    "tokenizer_config.json": {"AutoTokenizer": [None, "evil.Tokenizer"]},
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_bert(tmp_path / "model")


@pytest.mark.parametrize("file", CLASSES)
def test_a_model_with_code_is_refused_without_a_question(
    model: Path, tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(question: str = "") -> str:
        asked.append(question)
        return "y"

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    marker = tmp_path / "ran"
    (model / "evil.py").write_text(EVIL.format(marker=str(marker)))
    content = json.loads((model / file).read_text()) | {"auto_map": CLASSES[file]}
    content |= {"model_type": "evil"} if file == "config.json" else {"tokenizer_class": "Tokenizer"}
    (model / file).write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"{file} has 'auto_map': this model runs code of its own"):
        encoders.load(str(model))
    assert not asked
    assert not marker.exists()


def test_pickled_weights_are_refused(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"has no \*\.safetensors: pickled weights are never read"):
        encoders.load(str(model))


def test_an_adapter_that_names_another_model_is_refused(model: Path) -> None:
    (model / "adapter_config.json").write_text('{"base_model_name_or_path": "some-lab/other"}')
    with pytest.raises(InputError, match="is an adapter"):
        pretrained.resolve(str(model))


def test_settings_that_are_cut_off_are_named(model: Path) -> None:
    (model / "tokenizer_config.json").write_text('{"a": ')
    with pytest.raises(InputError, match=r"tokenizer_config\.json is damaged"):
        pretrained.resolve(str(model))


def test_the_hub_and_packages_are_held_to_the_same(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.loads((model / "config.json").read_text()) | {"auto_map": CLASSES["config.json"]}
    (model / "config.json").write_text(json.dumps(content))
    monkeypatch.setattr(pretrained, "_from_hub", lambda name, revision: model)
    monkeypatch.setattr(pretrained, "_in_package", lambda package: model)
    for name in ("some-lab/evil", "package:evil"):
        with pytest.raises(InputError, match="auto_map"):
            pretrained.resolve(name)


def test_every_loader_of_transformers_is_told_not_to_trust() -> None:
    calls = [
        (path.name, node.lineno, {k.arg: ast.unparse(k.value) for k in node.keywords})
        for path in (ROOT / "pipeline").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "from_pretrained"
        and ast.unparse(node.func.value).startswith("Auto")
    ]
    assert len(calls) >= 3
    assert [call for call in calls if call[2].get("trust_remote_code") != "False"] == []
