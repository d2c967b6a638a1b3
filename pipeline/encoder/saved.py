"""An encoder that was saved, of whatever kind it is."""

import json
from dataclasses import replace
from pathlib import Path

from pipeline.encoder import encoder as encoders
from pipeline.encoder import pretrained, static
from pipeline.encoder.encoder import Encoder, NoEncoder
from pipeline.encoder.static import StaticEncoder


def load(folder: Path) -> Encoder | NoEncoder | StaticEncoder:
    """The encoder that `save` wrote into a folder."""
    use = json.loads((folder / "encoder.json").read_text())
    if use.get("model") == pretrained.NONE:
        return NoEncoder()
    if use.get("model") == static.KIND:
        return static.load(folder)
    encoder = encoders.load(str(folder), pooling=use["pooling"], prefix=use["prefix"], max_tokens=use["max_tokens"])
    if (folder / encoders.ADAPTER).is_dir():
        from peft import PeftModel

        device = next(encoder.model.parameters()).device
        encoder = replace(
            encoder, model=PeftModel.from_pretrained(encoder.model, str(folder / encoders.ADAPTER)).to(device)
        )
    if (folder / encoders.HEAD).is_file():
        import torch
        from safetensors.torch import load_file

        weights = load_file(folder / encoders.HEAD)
        head = torch.nn.Linear(*weights["weight"].shape[::-1])
        head.load_state_dict(weights)
        encoder = replace(encoder, head=head.to(next(encoder.model.parameters()).device))
    return encoder
