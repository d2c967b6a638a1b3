"""A tiny shop with a taste planted in it, which a pretrained model cannot know, and a night's tuning on it."""

import itertools
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.operations import stages
from tests.encoder.tiny_encoder import WORDS
from tests.sources.shop import NIGHT, config_for

TEXTS = [f"{a} {b}" for a, b in itertools.product(WORDS[:3], WORDS[3:7])] + [""]
KINDS = {"mug": 0, "lamp": 0, "plate": 1, "bag": 1}


def planted(texts: list[str], kinds: dict[str, int], users: int, seed: int = 0) -> np.ndarray:
    """[U, I] 1 where user u acted on an item whose text names a kind of taste u % 2; two thirds of those items."""
    rng = np.random.default_rng(seed)
    taste = np.array([next((t for word, t in kinds.items() if word in text), -1) for text in texts])
    return ((np.arange(users)[:, None] % 2 == taste) & (rng.random((users, len(texts))) < 2 / 3)).astype(np.float32)


def tuned(home: Path, tiny: Path, night: date = NIGHT, **section: Any) -> dict[str, Any]:
    """The manifest of a night's tuning of a tiny encoder."""
    settings = {"model": str(tiny), "steps": 3, "batch_items": 8, "lexicon_size": 4} | section
    return stages.run_stage("fine_tune", night, config_for(home, fine_tune=settings))
