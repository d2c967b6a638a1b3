"""Cross-encoder re-ranking: without weight the list stays, with all of it the classifier decides."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from scipy import sparse

from benchmarks import cross_encoder
from benchmarks.hidden_items import HiddenItems


def test_standard_scores_have_mean_0_and_deviation_1() -> None:
    found = cross_encoder.standard(np.array([[1.0, 2.0, 6.0], [3.0, 3.0, 3.0]]))
    np.testing.assert_allclose(found[0].mean(), 0, atol=1e-9)
    np.testing.assert_allclose(found[0].std(), 1)
    assert not found[1].any()


def test_the_weight_goes_from_the_list_to_the_classifier() -> None:
    texts = ["known", "a", "b", "c", "right", *"defghijk"]
    history = sparse.csr_matrix(np.eye(1, len(texts), dtype=np.float32))
    night = SimpleNamespace(
        texts=texts,
        hidden=np.arange(len(texts)) > 0,
        recent=history,
        learned=history,
        known=history,
        whole=history,
        users=np.array([0]),
        truth=(np.arange(len(texts) - 1) == 3)[None],
        seen=np.zeros((1, len(texts) - 1), dtype=bool),
    )

    class Oracle(torch.nn.Module):
        def forward(self, histories: list[str], items: list[str]) -> torch.Tensor:
            assert histories == ["known"] * len(items)
            return torch.tensor([[0.0, float(item == "right")] for item in items])

    whole = HiddenItems(**vars(night))
    scores = -np.arange(len(texts) - 1, dtype=np.float64)[None]
    found = cross_encoder.reranked(whole, scores, 4, cast("Any", Oracle()), np.array([0]))
    assert found[0, 0] == 1 / np.log2(5)  # fourth, as the list has it
    assert found[-1, 0] == 1
    assert (np.diff(found[:, 0]) >= 0).all()
