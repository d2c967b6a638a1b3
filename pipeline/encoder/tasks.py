"""What the encoder can learn beside which item comes next: tasks of their own heads on the same vectors.

    relevance    does this item belong to this history: two labels from [p, v, |p - v|, p v], as a sequence classifier
                 has them; the wrong items are those of the batch that the ALS neighbours or popularity brought in
    category     the item's category from its vector
    query        which of the items was chosen after a query: a softmax like retrieval's, without a head
    behaviour    the strongest behaviour that a user showed towards an item, from the same four parts

A task counts with its weight in `fine_tune.tasks`; with a weight of 0 it has no head and costs nothing. The heads are
thrown away with the training: what stays is what they did to the encoder.
Source of the relevance head: Reimers & Gurevych, "Sentence-BERT", EMNLP 2019, classification objective.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.settings.sections.fine_tune import Tasks


def pair_parts(profiles: Tensor, vectors: Tensor) -> Tensor:
    """[P, 4 h] of unit rows p and v [P, h]: both, their distance and their product."""
    return torch.cat([profiles, vectors, (profiles - vectors).abs(), profiles * vectors], dim=1)


class Heads(nn.Module):
    """A linear head for every task that counts.

    Args:
        size: h, length of a vector.
        tasks: their weights.
        names: how many categories and behaviours there are; a task with fewer than two has no head.
        dropout: before each head.
    """

    def __init__(self, size: int, tasks: Tasks, names: tuple[int, int], dropout: float) -> None:
        super().__init__()
        wanted = {"relevance": (4 * size, 2, tasks.relevance)}
        if names[0] > 1:
            wanted["category"] = (size, names[0], tasks.category)
        if names[1] > 1:
            wanted["behaviour"] = (4 * size, names[1], tasks.behaviour)
        self.share = {name: weight for name, (_, _, weight) in wanted.items() if weight > 0}
        self.linear = nn.ModuleDict({name: nn.Linear(*wanted[name][:2]) for name in self.share})
        self.dropout = nn.Dropout(dropout)

    def forward(self, task: str, given: Tensor) -> Tensor:
        """Logits of a task, [P, labels]."""
        logits: Tensor = self.linear[task](self.dropout(given))
        return logits

    def losses(
        self, vectors: Tensor, weights: Tensor, categories: Tensor, behaviours: Tensor | None, most: int
    ) -> dict[str, Tensor]:
        """Mean cross-entropy of every task in one batch.

        Args:
            vectors: [S, h] unit vectors of the batch's items.
            weights: [U, S] the users' actions on them, each row with at least two.
            categories: [S], -1 without one.
            behaviours: [U, S] 1 + number of the behaviour, 0 where there is none.
            most: positives that the pair tasks look at, with as many negatives.
        """
        found: dict[str, Tensor] = {}
        if "category" in self.share and bool((categories >= 0).any()):
            known = categories >= 0
            found["category"] = functional.cross_entropy(self("category", vectors[known]), categories[known])
        if not self.share.keys() & {"relevance", "behaviour"}:
            return found
        acted = weights > 0
        users, items = acted.nonzero(as_tuple=True)
        if len(users) > most:
            chosen = torch.randperm(len(users), device="cpu")[:most].to(users.device)
            users, items = users[chosen], items[chosen]
        sums = (weights @ vectors)[users]
        profiles = functional.normalize(sums - weights[users, items][:, None] * vectors[items], dim=1)
        right = pair_parts(profiles, vectors[items])
        if "relevance" in self.share:
            drawn = torch.rand(acted[users].shape).to(vectors.device).masked_fill(acted[users], -1.0).argmax(1)
            wrong = pair_parts(functional.normalize(sums, dim=1), vectors[drawn])
            labels = torch.cat([torch.ones(len(users)), torch.zeros(len(users))]).long().to(vectors.device)
            found["relevance"] = functional.cross_entropy(self("relevance", torch.cat([right, wrong])), labels)
        if "behaviour" in self.share and behaviours is not None:
            shown = behaviours[users, items] - 1
            if bool((shown >= 0).any()):
                found["behaviour"] = functional.cross_entropy(self("behaviour", right[shown >= 0]), shown[shown >= 0])
        return found

    def relevance(self, profiles: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """[P] how well users' and items' unit rows [P, h] go together, by the relevance head without dropout."""
        device = next(self.parameters()).device
        self.eval()
        with torch.inference_mode():
            parts = pair_parts(*(torch.from_numpy(rows.astype(np.float32)).to(device) for rows in (profiles, vectors)))
            logits = self("relevance", parts)
            said = (logits[:, 1] - logits[:, 0]).cpu().numpy()
        self.train()
        return np.asarray(said)
