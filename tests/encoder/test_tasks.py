"""Tasks beside retrieval: what they learn from, their losses, and that each teaches the encoder what it is about."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from scipy.sparse import csr_matrix

from pipeline.arrays import determinism
from pipeline.encoder import encoder as encoders
from pipeline.encoder import encoder_training, sampling
from pipeline.encoder.tasks import Heads, Lessons, pair_parts, read_lessons
from pipeline.ground import schemas
from pipeline.settings.sections.models import FineTune, Tasks
from tests.encoder.test_fine_tune import KINDS, TEXTS, planted
from tests.encoder.tiny_encoder import write_tiny_bert

NO_QUERIES = schemas.QUERIES.empty_table()


def action(user: int, item: int, kind: str, weight: float) -> dict[str, Any]:
    return {"user_index": user, "item_index": item, "day": 1, "event_type": kind, "weight": weight}


def test_lessons_are_the_categories_and_the_strongest_behaviours() -> None:
    rows = [
        action(0, 0, "view", 0.1),
        action(0, 0, "like", 0.7),
        action(0, 1, "view", 0.1),
        action(1, 1, "buy", 1.0),
        action(1, 1, "return", -1.0),
        action(1, 9, "buy", 1.0),  # an item that came later
    ]
    actions = pa.Table.from_pylist(rows, schema=schemas.ACTIONS)
    found = read_lessons(actions, ["mugs", None, "bags"], NO_QUERIES, (2, 3))
    assert found.categories.tolist() == [1, -1, 0]
    assert found.names == (2, 3)
    assert found.behaviours.toarray().tolist() == [[2, 1, 0], [0, 3, 0]]  # 1 view, 2 like, 3 buy
    assert (found.queries, found.choices is not None and found.choices.shape) == ((), (0, 3))


def test_choices_after_a_query_are_numbered_as_the_items_are() -> None:
    rows = [
        {"query_index": 0, "query": "mug", "users": 5, "item_index": 2, "clicks": 4},
        {"query_index": 1, "query": "bag", "users": 5, "item_index": 0, "clicks": 3},
        {"query_index": 1, "query": "bag", "users": 5, "item_index": 7, "clicks": 2},
    ]
    queries = pa.Table.from_pylist(rows, schema=schemas.QUERIES)
    found = read_lessons(
        pa.Table.from_pylist([action(0, 0, "buy", 1)], schema=schemas.ACTIONS), [None] * 3, queries, (1, 3)
    )
    assert found.queries == ("mug", "bag")
    assert found.choices is not None
    assert found.choices.toarray().tolist() == [[0, 0, 4], [3, 0, 0]]


def test_a_task_without_weight_or_names_has_no_head() -> None:
    assert not Heads(4, Tasks(), (9, 9), 0.0).share
    heads = Heads(4, Tasks(relevance=1.0, category=1.0, behaviour=1.0), (1, 3), 0.0)
    assert set(heads.share) == {"relevance", "behaviour"}
    assert heads("behaviour", torch.zeros(2, 16)).shape == (2, 3)


def test_losses_are_the_cross_entropies_of_their_labels() -> None:
    torch.manual_seed(0)
    vectors = torch.nn.functional.normalize(torch.randn(4, 3), dim=1)
    weights = torch.tensor([[1.0, 2.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0]])
    heads = Heads(3, Tasks(relevance=1.0, category=1.0, behaviour=1.0), (2, 2), 0.0)
    categories = torch.tensor([0, 1, -1, 1])
    behaviours = torch.tensor([[1, 2, 0, 0], [0, 0, 1, 0]])
    found = heads.losses(vectors, weights, categories, behaviours, most=99)
    logits = heads("category", vectors)
    by_hand = [-torch.log_softmax(logits[i], 0)[categories[i]].item() for i in (0, 1, 3)]
    assert found["category"].item() == pytest.approx(sum(by_hand) / 3, rel=1e-6)
    total, pairs = 0.0, [(0, 0, 1), (0, 1, 2), (1, 2, 1)]
    for user, item, label in pairs:
        profile = sum(weights[user, i] * vectors[i] for i in range(4) if i != item)
        assert isinstance(profile, torch.Tensor)
        parts = pair_parts((profile / profile.norm())[None], vectors[item][None])
        total -= torch.log_softmax(heads("behaviour", parts)[0], 0)[label - 1].item()
    assert found["behaviour"].item() == pytest.approx(total / 3, rel=1e-5)
    assert 0.3 < found["relevance"].item() < 1.5


def test_the_query_loss_is_the_loop_over_its_definition() -> None:
    rng = np.random.default_rng(0)
    queries, vectors = rng.normal(size=(2, 3)), rng.normal(size=(4, 3))
    chosen = np.array([[4.0, 0, 1, 0], [0, 9, 0, 0]])
    total = weight = 0.0
    for q, i in zip(*chosen.nonzero(), strict=True):
        rivals = [j for j in range(4) if j == i or not chosen[q, j]]
        scores = np.exp(vectors[rivals] @ queries[q] / 0.5)
        share = math.sqrt(chosen[q, i])
        total -= share * math.log(math.exp(vectors[i] @ queries[q] / 0.5) / scores.sum())
        weight += share
    found = encoder_training.query_loss(torch.tensor(queries), torch.tensor(vectors), torch.tensor(chosen), 0.5)
    assert float(found) == pytest.approx(total / weight, rel=1e-6)


def test_sampled_queries_bring_an_item_that_was_chosen() -> None:
    choices = csr_matrix(np.array([[0, 2, 1], [0, 0, 0], [3, 0, 0]], dtype=np.float32))[[0, 2]]
    for seed in range(5):
        asked, items = sampling.sample_queries(choices, 4, np.random.default_rng(seed))
        assert set(asked) <= {0, 1}
        for query in asked:
            assert set(items) & set(choices[query].indices)


@pytest.mark.parametrize("task", ["category", "query", "behaviour", "relevance"])
def test_every_task_is_learned(tmp_path: Any, task: str) -> None:
    """Its loss falls to well below that of guessing, on a shop where it can be known from the words."""
    bought = csr_matrix(planted(TEXTS, KINDS, users=16))
    kinds = np.array([next((k for k, word in enumerate(KINDS) if word in text), -1) for text in TEXTS])
    shown = csr_matrix(bought.toarray().astype(np.int64) * (1 + (kinds % 2 == 0)))
    names = ("toy", "star", "heart", "blue")  # what people here call them
    choices = csr_matrix((kinds[None, :] == np.arange(4)[:, None]).astype(np.float32))
    lessons = Lessons(kinds, shown, (4, 2), names, choices)
    weights = {"relevance": 0.0, "category": 0.0, "behaviour": 0.0, "query": 0.0} | {task: 3.0}
    section = FineTune(
        steps=60, batch_items=12, learning_rate=5e-3, frozen_share=0.0, dropout=0.0, tasks=Tasks(**weights)
    )
    with determinism.reproducible(seed=0, threads=1):
        encoder = encoders.load(str(write_tiny_bert(tmp_path / "tiny")))
        _, curve, _ = encoder_training.train(encoder, TEXTS, bought, section, seed=0, lessons=lessons)
    losses = [row[f"loss_{task}"] for row in curve]
    assert {name for name in curve[0] if name.startswith("loss_")} == {"loss_retrieval", f"loss_{task}"}
    assert np.mean(losses[-10:]) < 0.75 * np.mean(losses[:5])
