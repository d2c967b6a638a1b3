"""The softmax losses of the encoder's training.

Source: the sampled-softmax retrieval loss of Covington et al., RecSys 2016, on text vectors; logQ correction: Yi et
al., RecSys 2019.
"""

import torch


def retrieval_loss(
    vectors: torch.Tensor, weights: torch.Tensor, temperature: float, correction: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean over positives (u, i) of -log softmax of item i among the sampled items u did not act on.

    Args:
        vectors: [S, h] unit vectors of the sampled items.
        weights: [U, S] decayed actions, each row with at least two positives.
        temperature: divides the cosines.
        correction: [S] taken off every user's logits.
    Returns:
        A scalar; the positive (u, i) counts w_ui / sqrt(actions of u), so that no heavy user owns the batch.
    """
    acted = weights > 0
    users, items = acted.nonzero(as_tuple=True)  # [P], [P]
    weight = weights[users, items]
    profiles = (weights @ vectors)[users] - weight[:, None] * vectors[items]  # [P, h], without the positive itself
    logits = torch.nn.functional.normalize(profiles, dim=1) @ vectors.T / temperature  # [P, S]
    if correction is not None:
        logits = logits - correction
    others = acted[users]
    others[torch.arange(len(users), device=others.device), items] = False
    losses = torch.nn.functional.cross_entropy(logits.masked_fill(others, -torch.inf), items, reduction="none")
    share = weight / acted.sum(1)[users].sqrt()
    return (losses * share).sum() / share.sum()


def query_loss(queries: torch.Tensor, vectors: torch.Tensor, chosen: torch.Tensor, temperature: float) -> torch.Tensor:
    """Mean over (q, i), weighted by choices, of -log softmax of item i among the items that q does not choose.

    Args:
        queries: [Q, h] unit vectors.
        vectors: [S, h] unit vectors of the batch's items.
        chosen: [Q, S] how many people chose item i after query q.
        temperature: divides the cosines.
    """
    logits = queries @ vectors.T / temperature
    rows, items = (chosen > 0).nonzero(as_tuple=True)
    others = (chosen > 0)[rows]
    others[torch.arange(len(rows), device=others.device), items] = False
    losses = torch.nn.functional.cross_entropy(logits[rows].masked_fill(others, -torch.inf), items, reduction="none")
    share = chosen[rows, items].sqrt()
    return (losses * share).sum() / share.sum()
