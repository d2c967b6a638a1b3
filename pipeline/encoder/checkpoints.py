"""Where a training stands, so that a killed one goes on instead of starting again: the same weights to the bit.

One safetensors file: trained parameters, AdamW's moments, the state of torch's random numbers; in its metadata the
training's key, the step, the curve and the state of numpy's. A file of another training, or a damaged one, is ignored.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

FILE = "training.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """The file of one training.

    Attributes:
        folder: is made when it is needed.
        key: hash of everything the training depends on.
    """

    folder: Path
    key: str

    def save(
        self,
        step: int,
        curve: list[dict[str, Any]],
        parameters: Sequence["torch.nn.Parameter"],
        optimizer: "torch.optim.Optimizer",
        rng: np.random.Generator,
    ) -> None:
        """Replace the file in one move."""
        import torch
        from safetensors.torch import save_file

        tensors = {f"parameter.{n}": parameter.detach().contiguous() for n, parameter in enumerate(parameters)}
        for n, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{n}.{name}": tensor.contiguous() for name, tensor in state.items()}
        tensors["random"] = torch.get_rng_state()
        if torch.cuda.is_available():
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        stands = {"key": self.key, "step": step, "curve": curve, "rng": rng.bit_generator.state}
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f"{FILE}.partial"
        save_file(tensors, partial, metadata={"stands": json.dumps(stands)})
        partial.replace(self.folder / FILE)

    def restore(
        self,
        parameters: Sequence["torch.nn.Parameter"],
        optimizer: "torch.optim.Optimizer",
        rng: np.random.Generator,
    ) -> tuple[int, list[dict[str, Any]]]:
        """The last finished step and the curve so far, everything else put back in place; (0, []) without a file."""
        import torch
        from safetensors import SafetensorError, safe_open

        path = self.folder / FILE
        if not path.is_file():
            return 0, []
        try:
            with safe_open(path, framework="pt") as file:
                stands = json.loads((file.metadata() or {}).get("stands", "{}"))
                if stands.get("key") != self.key:
                    return 0, []
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict
        except (SafetensorError, OSError, ValueError) as error:
            log.warning("%s cannot be read (%s): the training starts anew", path, error)
            return 0, []
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimizer."):
                _, number, part = name.split(".")
                moments.setdefault(int(number), {})[part] = tensor
        with torch.no_grad():
            for n, parameter in enumerate(parameters):
                parameter.copy_(tensors[f"parameter.{n}"])
        optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
        torch.set_rng_state(tensors["random"])
        if torch.cuda.is_available() and "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"])
        rng.bit_generator.state = stands["rng"]
        log.info("fine_tune: goes on after step %d of a training that was cut off", stands["step"])
        return int(stands["step"]), list(stands["curve"])
