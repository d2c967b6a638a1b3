"""REINFORCE with the top-K correction on a sequence model, for the made-up shops: it goes on learning every night.

A GRU reads the last items a user clicked; a softmax over all items says what to show. It is learned from drawn slots
of the last nights alone: reward times the gradient of the logarithm of a chance, times how much likelier the policy is
to show the item than the one that did (capped), times K (1 - chance)^(K - 1) where a whole list of K is drawn. With
`anchored` the softmax begins at the table's own estimates (as softmax with temperature 0.25), and learns what to add.
The same network learned by cross-entropy on all clicks is what it is compared with.

What decides was fixed before the recorded seeds were run: it is kept if on them it gains more than `learned`, by a
two-sided t-test of the differences by seed at 5 %, in what the whole thirty nights get (clicks in `exploration`, visits
in `clickbait`). Its constants were not tuned: seed 11 alone was looked at before.
Source: Chen et al., "Top-K off-policy correction for a REINFORCE recommender system", WSDM 2019, eq. 2 to 6.
No part of the pipeline: it gains less than `learned` by clicks, and by visits not surely more (benchmarks/README.md).
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from benchmarks.exploration.policies import Fixed, Tonight
from benchmarks.exploration.world import ITEMS, K

LENGTH, WIDTH = 10, 32
"""Clicks of a user that are read, and numbers in a state."""
NIGHTS, STEPS, BATCH, RATE, CAP = 14, 60, 256, 3e-3, 20.0
"""Nights that are learned from, steps a night (five times as many the first), rows a step, of Adam, and of weights."""
SHARPNESS = 4.0
"""Of the table's estimates where the softmax begins at them."""
DAYS = 7
"""Days after a slot on which a visit is counted."""


class Head(torch.nn.Module):
    """The policy: clicks [N, L], ITEMS where there is none, to scores of all items, [N, I]."""

    def __init__(self) -> None:
        super().__init__()
        self.items = torch.nn.Embedding(ITEMS + 1, WIDTH, padding_idx=ITEMS)
        self.reader = torch.nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.out = torch.nn.Linear(WIDTH, ITEMS)
        torch.nn.init.zeros_(self.out.weight)
        torch.nn.init.zeros_(self.out.bias)

    def forward(self, clicks: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return torch.as_tensor(self.out(self.reader(self.items(clicks))[1][0]))


def loss(chosen: torch.Tensor, logged: torch.Tensor, reward: torch.Tensor, k: int) -> torch.Tensor:
    """What is made small: its gradient is that of the expected reward, with the sign turned.

    Args:
        chosen: [N] logarithms of the policy's chances of what was shown.
        logged: [N] chances with which it was.
        reward: [N].
        k: places of the list that is drawn; 1: no correction.
    """
    chance = chosen.detach().exp()
    weight = (chance / logged).clamp(max=CAP) * k * (1 - chance) ** (k - 1)
    return -(weight * reward * chosen).mean()


@dataclass(frozen=True)
class Shown:
    """The slots of a night that teach.

    Attributes:
        night: which, counted from the first.
        clicks: int64 [U, L], what users had clicked before it.
        user, item, chance, clicked: [N] of the slots; item -1: it is gone.
    """

    night: int
    clicks: np.ndarray
    user: np.ndarray
    item: np.ndarray
    chance: np.ndarray
    clicked: np.ndarray


@dataclass
class Reinforce(Fixed):
    """See the module.

    Attributes:
        places: how many of the list's last places are drawn.
        top: K of the correction; 1: none.
        anchored: the softmax begins at the table's estimates.
        imitates: cross-entropy on all clicks instead.
        visits: a click is worth 1 and the days on which the user came within a week, above the mean of users who came
            as often before, instead of 1.
    """

    settings: dict[str, object] | None = None
    places: int = 1
    top: int = 1
    anchored: bool = False
    imitates: bool = False
    visits: bool = False
    log: list[Shown] = field(default_factory=list)
    came: list[np.ndarray] = field(default_factory=list)
    clicks: np.ndarray = field(default_factory=lambda: np.zeros((0, LENGTH), np.int64))

    def __post_init__(self) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.head = Head()
        self.is_begun = False

    @cached_property
    def adam(self) -> torch.optim.Adam:
        """Made when it is needed: torch then loads its compiler, 800 modules."""
        return torch.optim.Adam(self.head.parameters(), RATE)

    def lists(self, tonight: Tonight) -> tuple[np.ndarray, np.ndarray]:
        """See Policy.lists; the chance of a place is that of one draw, as if nothing else were drawn."""
        rng = np.random.default_rng([tonight.seed, 5, tonight.night + 100])
        table = SHARPNESS * np.log(tonight.estimates) if self.anchored else np.zeros(tonight.estimates.shape)
        self._learn(table, tonight.group, rng)
        with torch.no_grad():
            scores = self.head(torch.from_numpy(self.clicks)).numpy() + table[tonight.group]
        kept = K - self.places
        able = np.zeros(scores.shape, bool)
        np.put_along_axis(able, tonight.pool.items.astype(np.int64), True, axis=1)
        np.put_along_axis(able, tonight.best.items[:, :kept].astype(np.int64), False, axis=1)
        scores = np.where(able, scores, -np.inf)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        luck = scores + rng.gumbel(size=scores.shape)
        drawn = np.argpartition(-luck, self.places - 1, axis=1)[:, : self.places]
        items, chance = tonight.best.items.copy(), np.ones(tonight.best.items.shape)
        items[:, kept:] = drawn
        chance[:, kept:] = np.take_along_axis(weights / weights.sum(axis=1, keepdims=True), drawn, axis=1)
        return items, chance

    def begin(self, gone: np.ndarray) -> None:
        """Replaced items are forgotten, where they were shown and where they were clicked."""
        for shown in self.log:
            shown.item[np.isin(shown.item, gone)] = -1
        self.clicks[np.isin(self.clicks, gone)] = ITEMS
        with torch.no_grad():
            self.head.out.weight[gone] = self.head.out.weight.mean(dim=0)
            self.head.out.bias[gone] = self.head.out.bias.mean()

    def see(self, group: np.ndarray, shown: np.ndarray, chance: np.ndarray, clicked: np.ndarray) -> None:
        """See Policy.see: all users came."""
        self.note(np.ones(len(group), bool), shown, chance, clicked)

    def note(self, here: np.ndarray, shown: np.ndarray, chance: np.ndarray, clicked: np.ndarray) -> None:
        """What those who came, bool [U], were shown and clicked, [U, K]."""
        if not len(self.clicks):
            self.clicks = np.full((len(here), LENGTH), ITEMS, np.int64)
        teaches = clicked & here[:, None] & ((chance < 1) | self.imitates)
        user, place = np.nonzero(teaches)
        of = shown[user, place].astype(np.int64), chance[user, place], clicked[user, place]
        self.log = [*self.log, Shown(len(self.came), self.clicks.copy(), user, *of)][-NIGHTS - DAYS * self.visits :]
        self.came.append(here)
        for at in range(K):
            who = np.flatnonzero(clicked[:, at])
            self.clicks[who, :-1] = self.clicks[who, 1:]
            self.clicks[who, -1] = shown[who, at]

    def _learn(self, table: np.ndarray, group: np.ndarray, rng: np.random.Generator) -> None:
        done = [shown for shown in self.log if not self.visits or shown.night + DAYS < len(self.came)]
        done = done or self.log  # the first nights
        which = np.concatenate([np.full(len(shown.user), n) for n, shown in enumerate(done)])
        user, item, chance = (np.concatenate([getattr(s, name) for s in done]) for name in ("user", "item", "chance"))
        reward = np.concatenate([self._reward(shown) for shown in done])
        before = np.stack([shown.clicks for shown in done])
        still = np.flatnonzero(item >= 0)
        steps = STEPS if self.is_begun else 5 * STEPS
        self.is_begun = True
        for _ in range(steps):
            rows = rng.choice(still, min(BATCH, len(still)))
            scores = self.head(torch.from_numpy(before[which[rows], user[rows]]))
            scores = scores + torch.from_numpy(table[group[user[rows]]].astype(np.float32))
            chosen = torch.log_softmax(scores, dim=1)[torch.arange(len(rows)), torch.from_numpy(item[rows])]
            if self.imitates:
                found = -chosen.mean()
            else:
                logged, worth = (torch.from_numpy(a[rows].astype(np.float32)) for a in (chance, reward))
                found = loss(chosen, logged, worth, self.top)
            self.adam.zero_grad()
            found.backward()  # type: ignore[no-untyped-call]
            self.adam.step()

    def _reward(self, shown: Shown) -> np.ndarray:
        after = self.came[shown.night + 1 : shown.night + 1 + DAYS]
        if not self.visits or not after:
            return np.ones(len(shown.user))
        days = np.sum(after, axis=0).astype(np.float64)
        came = np.sum(self.came[max(0, shown.night - DAYS) : shown.night + 1], axis=0)
        here = self.came[shown.night]
        mean = np.bincount(came[here], days[here]) / np.maximum(np.bincount(came[here]), 1)
        return np.asarray(1 + (days - mean[came])[shown.user])
