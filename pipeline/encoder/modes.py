"""What of the encoder is trained: all of it, a low-rank change, a learned prefix, or a map behind it.

    full       the layers above `frozen_share` (all with 0)
    lora       a low-rank change of every linear layer (Hu et al., ICLR 2022); merged into the weights at the end
    adalora    the same with the rank spent where it helps (Zhang et al., ICLR 2023); merged as well
    prefix     learned keys and values before every layer's own (Li & Liang, ACL 2021); kept as peft's adapter
    head       a linear map behind the untouched encoder, starting as the identity

Merged encoders are plain transformers models: who reads them needs no peft.
"""

import warnings
from dataclasses import replace
from typing import Any

import torch

from pipeline.encoder.encoder import Encoder
from pipeline.settings.sections.fine_tune import FineTune

# Highest learning rates. Those of "full", "lora" and "head" won short searches on Online Retail II before 2011-07-01.
RATES = {"full": 2e-4, "lora": 2e-3, "adalora": 4e-3, "prefix": 1e-2, "head": 5e-4}


def attach(encoder: Encoder, section: FineTune) -> tuple[Encoder, list[torch.nn.Parameter]]:
    """Make an encoder trainable in the configured way.

    Returns:
        The encoder to train, and its trainable parameters.
    """
    if section.mode == "full":
        return encoder, trainable(encoder.model, section.frozen_share)
    encoder.model.requires_grad_(False)
    if section.mode == "head":
        size = encoder.model.config.hidden_size
        head = torch.nn.Linear(size, size, device=next(encoder.model.parameters()).device)
        torch.nn.init.eye_(head.weight)
        torch.nn.init.zeros_(head.bias)
        encoder = replace(encoder, head=head)
        return encoder, list(head.parameters())
    from peft import get_peft_model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft reads a name that transformers is about to change
        model = get_peft_model(encoder.model, _config(section))
    return replace(encoder, model=model), [p for p in model.parameters() if p.requires_grad]


def _config(section: FineTune) -> Any:
    from peft import AdaLoraConfig, LoraConfig, PrefixTuningConfig

    low_rank: dict[str, Any] = {
        "target_modules": "all-linear",
        "exclude_modules": r".*pooler.*",  # its output is not read, so it has no gradient
        "lora_alpha": 2 * section.rank,
        "lora_dropout": section.dropout,
        "task_type": "FEATURE_EXTRACTION",
    }
    if section.mode == "lora":
        return LoraConfig(r=section.rank, **low_rank)
    if section.mode == "adalora":
        return AdaLoraConfig(
            init_r=section.rank + section.rank // 2,
            target_r=section.rank,
            tinit=section.steps // 10,
            tfinal=section.steps // 3,
            deltaT=max(1, section.steps // 30),
            total_step=section.steps,
            **low_rank,
        )
    return PrefixTuningConfig(num_virtual_tokens=section.rank, task_type="FEATURE_EXTRACTION")


def after_step(encoder: Encoder, section: FineTune, step: int) -> None:
    """Once the parameters have moved, before their gradients are dropped: AdaLoRA moves its ranks."""
    if section.mode == "adalora":
        encoder.model.base_model.update_and_allocate(step)


def finish(encoder: Encoder, section: FineTune) -> Encoder:
    """The encoder as it is saved and used: low-rank changes merged."""
    if section.mode in {"lora", "adalora"}:
        return replace(encoder, model=encoder.model.merge_and_unload())
    return encoder


def trainable(model: Any, frozen_share: float) -> list[torch.nn.Parameter]:
    """Freeze the embeddings and the lowest share of the layers (0: nothing); returns what is left to train."""
    if frozen_share > 0:
        layers = max((m for m in model.modules() if isinstance(m, torch.nn.ModuleList)), key=len)
        model.requires_grad_(False)
        for layer in layers[int(frozen_share * len(layers)) :]:
            layer.requires_grad_(True)
    return [parameter for parameter in model.parameters() if parameter.requires_grad]
