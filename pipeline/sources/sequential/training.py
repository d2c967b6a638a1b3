"""How the sequence model learns: a softmax over a sample of the catalogue, every basket of a batch of users at once.

The items of a step are drawn by popularity; a drawn item counts one over the chance of being drawn, in the sum below
the softmax and as an answer, so the loss is on average that of the whole catalogue. A small catalogue is taken whole.
Source: the softmax instead of one negative: Klenitskiy & Vasilev, RecSys 2023; the correction: Bengio & Senecal, 2008.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.encoder import loop
from pipeline.encoder.loop import Learner, Row
from pipeline.encoder.sampling import sample_items
from pipeline.sources.sequential.attention import Network
from pipeline.sources.sequential.section import Sasrec
from pipeline.sources.sequential.sequences import Sequences


@dataclass(frozen=True)
class SequenceBatch:
    """Some users' sequences and what they are asked for.

    Attributes:
        items, ages: [B, L] int64, see Sequences.
        asked: [B, Q] int64.
        drawn: [S] int64 items of the softmax, ascending.
        chance: [S] float32, each one's chance of being drawn.
        question, answer: [W] int64 place in the flattened `asked` and in `drawn` of every wanted item that was drawn.
        weight: [W] float32 of each, sum 1.
    """

    items: Tensor
    ages: Tensor
    asked: Tensor
    drawn: Tensor
    chance: Tensor
    question: Tensor
    answer: Tensor
    weight: Tensor


def batch_of(
    known: Sequences, rows: np.ndarray, drawn: np.ndarray, chance: np.ndarray, half_life_days: float
) -> SequenceBatch | None:
    """The batch of some rows; None if nothing that is wanted was drawn.

    Args:
        known: everybody's sequences.
        rows: [B] rows of them.
        drawn: [S] items, ascending.
        chance: [S] each one's chance of being drawn.
        half_life_days: a basket's weight halves in this many days; a basket of n items weighs as sqrt(n) of one item.
    """
    baskets = known.asked.shape[1]
    slots = (rows[:, None] * baskets + np.arange(baskets)).ravel()
    sizes = known.starts[slots + 1] - known.starts[slots]
    question = np.repeat(np.arange(len(slots)), sizes)
    within = np.arange(len(question)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    item = known.wanted[known.starts[slots][question] + within]
    answer = np.minimum(np.searchsorted(drawn, item), len(drawn) - 1)
    found = drawn[answer] == item
    if not found.any():
        return None
    question, answer = question[found], answer[found]
    age = known.asked[rows].ravel()[question]
    weight = 0.5 ** (age / half_life_days) / np.sqrt(sizes[question]) / chance[answer]
    return SequenceBatch(
        items=_index(known.items[rows]),
        ages=_index(known.ages[rows]),
        asked=_index(known.asked[rows]),
        drawn=_index(drawn),
        chance=torch.from_numpy(chance.astype(np.float32)),
        question=_index(question),
        answer=_index(answer),
        weight=torch.from_numpy((weight / weight.sum()).astype(np.float32)),
    )


def _index(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.int64))


def loss(network: Network, batch: SequenceBatch) -> Tensor:
    """Weighted cross entropy of the wanted items among those drawn."""
    on = network.bias.device
    vectors = network.item_vectors()
    asked = network(vectors, *(given.to(on) for given in (batch.items, batch.ages, batch.asked))).flatten(0, 1)
    used, row = torch.unique(batch.question, return_inverse=True)
    used, row, drawn, answer = (given.to(on) for given in (used, row, batch.drawn, batch.answer))
    scores = asked[used] @ vectors[drawn].t() + network.bias[drawn]  # [q, S]
    whole = torch.logsumexp(scores - torch.log(batch.chance).to(on), dim=1)
    total: Tensor = (batch.weight.to(on) * (whole[row] - scores[row, answer])).sum()
    return total


def chances(popular: np.ndarray, section: Sasrec) -> np.ndarray:
    """[I] chance that an item is among the `batch_items` drawn by popularity ** `popularity_power`; 0: never sold."""
    sold = popular > 0
    if sold.sum() <= section.batch_items:
        return sold.astype(np.float64)
    rate = np.where(sold, popular, 0) ** section.popularity_power * sold
    return np.asarray(-np.expm1(-section.batch_items * rate / rate.sum()))


class SequenceLearner(Learner):
    """One training: the network, what it learns from, and its random numbers.

    Args:
        network: changed in place.
        known: see `sequences.sequences_of`; at least one user.
        popular: [I] decayed popularity.
        section: the settings.
        seed: of the users and items drawn.
    """

    def __init__(self, network: Network, known: Sequences, popular: np.ndarray, section: Sasrec, seed: int) -> None:
        self.network, self.known, self.popular, self.section = network, known, popular, section
        self.rng = np.random.default_rng(seed)
        self.chance = chances(popular, section)
        fresh = 0.5 ** (known.asked.max(axis=1, initial=0) / section.half_life_days)
        self.fresh = fresh / fresh.sum()
        self.parameters = list(network.parameters())
        self.optimizer = torch.optim.AdamW(self.parameters, lr=section.learning_rate, weight_decay=section.weight_decay)

    def batch(self) -> SequenceBatch | None:
        """A fresh one; users with a recent basket are taken more often."""
        section, users = self.section, len(self.known.users)
        rows = self.rng.choice(users, size=min(section.batch_users, users), replace=False, p=self.fresh)
        drawn = sample_items(self.popular, section.batch_items, section.popularity_power, self.rng)
        return batch_of(self.known, np.sort(rows), drawn, self.chance[drawn], section.half_life_days)

    def gradients(self, step: int) -> Row | None:
        """Those of a fresh batch."""
        batch = self.batch()
        if batch is None:
            return None
        found = loss(self.network, batch)
        loop.require_finite(found, "sasrec", step)
        torch.autograd.backward(found)
        return {"loss": found.item()}


def train(
    network: Network, known: Sequences, popular: np.ndarray, section: Sasrec, *, steps: int, seed: int
) -> dict[str, Any]:
    """Learn from everybody's baskets.

    Args:
        network: changed in place.
        known: see `sequences.sequences_of`.
        popular: [I] decayed popularity.
        section: the settings.
        steps: how many.
        seed: of the users and items drawn.
    Returns:
        Steps, whether time was up, first and last loss.
    Raises:
        TrainingError: a loss is not finite.
    """
    if not len(known.users):
        return loop.Ended([]).summary()
    network.train()
    plan = loop.Plan("sasrec", "lists", steps, section.learning_rate, section.time_limit_minutes)
    return loop.train(SequenceLearner(network, known, popular, section, seed), plan).summary()
