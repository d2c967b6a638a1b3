"""The losses against loops over their definitions."""

import math

import numpy as np
import pytest
import torch

from pipeline.encoder import losses


def test_the_loss_is_the_loop_over_its_definition() -> None:
    import torch

    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(6, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    acted = rng.random((5, 6)) * (rng.random((5, 6)) < 0.6)
    acted[:, :2] += 0.1
    total = weight = 0.0
    for row in acted:
        own = np.flatnonzero(row)
        for item in own:
            profile = sum(row[other] * vectors[other] for other in own if other != item)
            cosines = vectors @ profile / np.linalg.norm(profile) / 0.2
            rivals = [other for other in range(6) if other == item or other not in own]
            chance = math.exp(cosines[item]) / sum(math.exp(cosines[other]) for other in rivals)
            share = row[item] / math.sqrt(len(own))
            total, weight = total - share * math.log(chance), weight + share
    found = losses.retrieval_loss(torch.tensor(vectors), torch.tensor(acted), 0.2)
    assert float(found) == pytest.approx(total / weight, rel=1e-6)


def test_the_popularity_correction_is_taken_off_the_logits() -> None:
    import torch

    vectors = torch.nn.functional.normalize(torch.randn(5, 3, generator=torch.manual_seed(0)), dim=1)
    acted = torch.tensor([[1.0, 1.0, 0, 0, 0], [0, 1.0, 2.0, 0, 0]])
    plain = losses.retrieval_loss(vectors, acted, 0.2)
    same = losses.retrieval_loss(vectors, acted, 0.2, torch.full((5,), 3.0))
    assert float(plain) == pytest.approx(float(same), rel=1e-6)  # a constant moves no softmax
    rare = torch.tensor([0.0, 0.0, 0.0, 5.0, 5.0])  # the rivals are popular: they weigh less
    assert float(losses.retrieval_loss(vectors, acted, 0.2, rare)) < float(plain)


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
    found = losses.query_loss(torch.tensor(queries), torch.tensor(vectors), torch.tensor(chosen), 0.5)
    assert float(found) == pytest.approx(total / weight, rel=1e-6)
