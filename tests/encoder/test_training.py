"""What a training does to an encoder: only what it may, and a taste that the pretrained one cannot know."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.arrays import determinism
from pipeline.encoder import encoder as encoders
from pipeline.encoder import modes, training
from pipeline.encoder.training_data import TaskData
from pipeline.settings.sections.fine_tune import FineTune, Tasks
from tests.encoder.planted_taste import KINDS, TEXTS, planted
from tests.encoder.tiny_encoder import write_tiny_bert


def test_frozen_layers_stay_as_they_came(tiny: Path) -> None:
    from scipy.sparse import csr_matrix

    encoder = encoders.load(str(tiny))
    modes.trainable(encoder.model, 0.5)
    names = {name.split(".layer.")[1][0] for name, p in encoder.model.named_parameters() if p.requires_grad}
    assert names == {"1"}
    before = encoder.model.get_input_embeddings().weight.clone()
    training.train(encoder, TEXTS, csr_matrix(planted(TEXTS, KINDS, 12)), FineTune(steps=2, batch_items=8), seed=0)
    assert bool((encoder.model.get_input_embeddings().weight == before).all())


def test_the_packaged_model_learns_a_planted_taste_for_hidden_items() -> None:
    """Half the customers buy kitchen and music things, half garden and sewing things, in every colour."""
    kinds = {"kettle": 0, "guitar": 0, "shovel": 1, "needle": 1}
    colours = ("red", "blue", "green", "white", "black", "gold")
    texts = [f"{colour} {kind}" for colour in colours for kind in kinds]
    hidden = np.array([text.startswith(("black", "gold")) for text in texts])
    bought = planted(texts, kinds, users=40)
    bought[:, hidden] = 0
    # who only ever bought kettles or shovels is asked about guitars and needles, of colours never sold
    guitars, needles = ([n for n, t in enumerate(texts) if hidden[n] and kind in t] for kind in ("guitar", "needle"))
    kettles, shovels = (
        [n for n, t in enumerate(texts) if not hidden[n] and kind in t] for kind in ("kettle", "shovel")
    )

    def preference(encoder: encoders.Encoder) -> float:
        vectors = encoder.encode(texts)
        kitchen, garden = vectors[kettles].mean(axis=0), vectors[shovels].mean(axis=0)
        towards = vectors[guitars].mean(axis=0) - vectors[needles].mean(axis=0)
        return float((kitchen - garden) @ towards)

    from scipy.sparse import csr_matrix

    section = FineTune(steps=10, batch_items=16)
    with determinism.reproducible(seed=0, threads=2):
        encoder = encoders.load(section.model)
        before = preference(encoder)
        training.train(encoder, texts, csr_matrix(bought), section, seed=0)
    assert preference(encoder) > before + 0.2


@pytest.mark.parametrize("task", ["category", "query", "behaviour", "relevance"])
def test_every_task_is_learned(tmp_path: Any, task: str) -> None:
    """Its loss falls to well below that of guessing, on a shop where it can be known from the words."""
    bought = csr_matrix(planted(TEXTS, KINDS, users=16))
    kinds = np.array([next((k for k, word in enumerate(KINDS) if word in text), -1) for text in TEXTS])
    shown = csr_matrix(bought.toarray().astype(np.int64) * (1 + (kinds % 2 == 0)))
    names = ("toy", "star", "heart", "blue")  # what people here call them
    choices = csr_matrix((kinds[None, :] == np.arange(4)[:, None]).astype(np.float32))
    task_data = TaskData(kinds, shown, (4, 2), names, choices)
    weights = {"relevance": 0.0, "category": 0.0, "behaviour": 0.0, "query": 0.0} | {task: 3.0}
    section = FineTune(
        steps=60, batch_items=12, learning_rate=5e-3, frozen_share=0.0, dropout=0.0, tasks=Tasks(**weights)
    )
    with determinism.reproducible(seed=0, threads=1):
        encoder = encoders.load(str(write_tiny_bert(tmp_path / "tiny")))
        _, curve, _ = training.train(encoder, TEXTS, bought, section, seed=0, task_data=task_data)
    losses = [row[f"loss_{task}"] for row in curve]
    assert {name for name in curve[0] if name.startswith("loss_")} == {"loss_retrieval", f"loss_{task}"}
    assert np.mean(losses[-10:]) < 0.75 * np.mean(losses[:5])
