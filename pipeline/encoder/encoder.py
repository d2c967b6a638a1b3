"""A pretrained text encoder: loaded onto the GPU if there is one, and run over texts. Weights are safetensors."""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline.encoder import pretrained
from pipeline.encoder.pretrained import Pooling
from pipeline.ground.errors import InputError

if TYPE_CHECKING:
    import torch

# Beside the weights, where the tuning mode left more than weights (pipeline.encoder.modes).
ADAPTER, HEAD = "adapter", "head.safetensors"


class NoEncoder:
    """Stands where no pretrained encoder is wanted: every text has a vector of length 0, and torch is not imported."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """[N, 0] float32."""
        return np.zeros((len(texts), 0), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write what `saved.load` knows it by."""
        (folder / "encoder.json").write_text(json.dumps({"model": pretrained.NONE}) + "\n")


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
        """Write weights, configuration, tokeniser and how they are used, so that `saved.load` finds them."""
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

    folder = pretrained.resolve(name, revision)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = AutoModel.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder} cannot be loaded as an encoder: {error}") from None
    if layers is not None:
        _shorten(model, layers)
    return Encoder(
        model=model.to("cuda" if torch.cuda.is_available() else "cpu"),
        tokenizer=tokenizer,
        pooling=pretrained.pooling_of(folder, name) if pooling == "auto" else pooling,
        prefix=pretrained.prefix_of(name) if prefix is None else prefix,
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
