"""Tasks beside retrieval: their heads and their losses."""

import pytest
import torch

from pipeline.encoder.tasks import Heads, pair_parts
from pipeline.settings.sections.fine_tune import Tasks


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
