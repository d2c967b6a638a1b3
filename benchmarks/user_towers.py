"""How a user becomes a vector: means of what was bought, learned attention over it, or preferences in closed form.

    python -m benchmarks.user_towers 2011-05-08 2011-06-05 [--home FOLDER]

Nights, hidden items and judge are those of benchmarks/hidden_items.py, the item vectors those of the fine-tuned
encoder beside the words, the same in every row and fixed. A learned tower reads a user's latest EVENTS actions on items
that are not hidden, weighs them, and maps their weighted mean p to p + p A; A starts at zero. It learns from the 14-day
windows before the night: what a user acted on in a window and never before it, by a softmax over sampled items.

    mean, decayed mean           nothing learned
    ... with a map               A is learned
    additive attention           weights softmax(v . tanh(W f + age)), age in half octaves of days; and A
    attention with n heads       the same with n sets of weights, whose means are added
    preferences (what runs)      ridge regression on the decayed mean (pipeline/sources/language_model.py)

Source of the attention: Wu et al., "Neural News Recommendation with Multi-Head Self-Attention", EMNLP 2019.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks import hidden_items, nights
from benchmarks.hidden_items import HiddenItems
from benchmarks.scoring import BEGINNING, events
from pipeline.arrays import determinism
from pipeline.settings.config import Config
from pipeline.sources.sequential.attention import BUCKETS, time_bucket

EVENTS, WINDOW, WINDOWS, EPOCHS, USERS, SAMPLED = 100, 14, 12, 6, 128, 1024
TEMPERATURE, HALF_LIFE = 0.3, 30.0


@dataclass(frozen=True)
class Actions:
    """Distinct (user, item, day) on items that are not hidden, sorted by user, then day, the newest first."""

    user: np.ndarray
    item: np.ndarray
    day: np.ndarray

    def latest(self, users: np.ndarray, before: int) -> tuple[np.ndarray, np.ndarray]:
        """Items [B, EVENTS], -1 pads, and ages in days: each user's latest actions older than a day number."""
        items = np.full((len(users), EVENTS), -1, dtype=np.int64)
        ages = np.zeros((len(users), EVENTS), dtype=np.int64)
        start, end = np.searchsorted(self.user, users), np.searchsorted(self.user, users, side="right")
        for row, (first, last) in enumerate(zip(start, end, strict=True)):
            known = first + int(np.searchsorted(-self.day[first:last], -(before - 1)))
            chosen = slice(known, min(last, known + EVENTS))
            count = chosen.stop - chosen.start
            items[row, :count] = self.item[chosen]
            ages[row, :count] = before - 1 - self.day[chosen]
        return items, ages


def read_actions(settings: Config, night: date, hidden: np.ndarray) -> Actions:
    """What the raw logs hold of it, up to the night."""
    rows = nights.Rows.of(settings, night).actions(events(settings.folder, BEGINNING, night), hidden)
    user, item, day = rows[np.lexsort((rows[:, 1], -rows[:, 2], rows[:, 0]))].T
    return Actions(user, item, day)


class Tower(nn.Module):
    """Weights of a user's actions, their weighted mean, and a map of it."""

    def __init__(self, size: int, heads: int, learned: bool, decayed: bool = True, inner: int = 64) -> None:
        """heads: sets of attention weights, 0 for none; learned: whether the mean is mapped."""
        super().__init__()
        self.decayed = decayed
        self.map = nn.Linear(size, size, bias=False) if learned else None
        if self.map is not None:
            nn.init.zeros_(self.map.weight)
        self.inner = nn.Linear(size, inner) if heads else None
        self.age = nn.Embedding(BUCKETS, inner)
        self.ask = nn.Linear(inner, heads, bias=False) if heads else None

    def weights(self, vectors: Tensor, items: Tensor, ages: Tensor) -> Tensor:
        """[B, L], zero where nothing is, sums to the number of heads (1 without heads)."""
        base = -ages.float() * (np.log(2) / HALF_LIFE) if self.decayed else torch.zeros_like(ages, dtype=torch.float32)
        if self.inner is not None and self.ask is not None:
            hidden = torch.tanh(self.inner(vectors[items.clamp(min=0)]) + self.age(time_bucket(ages)))
            asked = self.ask(hidden) + base[..., None]  # [B, L, heads]; starts near the decayed mean
        else:
            asked = base[..., None]
        shares: Tensor = asked.masked_fill((items < 0)[..., None], -1e9).softmax(dim=1).sum(dim=2)
        return shares

    def forward(self, vectors: Tensor, items: Tensor, ages: Tensor) -> Tensor:
        """[B, d]; vectors [I, d], items and ages [B, L]."""
        shares = self.weights(vectors, items, ages)
        mean = torch.einsum("bl,bld->bd", shares, vectors[items.clamp(min=0)])
        return mean if self.map is None else mean + self.map(mean)


def positives_loss(profiles: Tensor, vectors: Tensor, row: np.ndarray, column: np.ndarray) -> Tensor:
    """Mean over positives (row, column) of -log softmax among the sampled items that are none of the row's positives.

    Args:
        profiles: [B, d].
        vectors: [S, d] of the sampled items.
        row, column: [P] of the positives; each counts 1 / sqrt(positives of its row).
    """
    logits = functional.normalize(profiles, dim=1) @ vectors.T / TEMPERATURE
    positive = torch.zeros_like(logits, dtype=torch.bool)
    positive[row, column] = True
    own = logits[row, column]
    others = logits.masked_fill(positive, -torch.inf).logsumexp(dim=1)[row]
    share = torch.from_numpy(1 / np.sqrt(np.bincount(row, minlength=len(profiles))[row])).float()
    return ((torch.logaddexp(own, others) - own) * share).sum() / share.sum()


def train(tower: Tower, actions: Actions, vectors: Tensor, shown: np.ndarray, last: int, *, seed: int) -> None:
    """Learn from the windows before day `last`; positives are a user's first actions on an item within a window."""
    rng = np.random.default_rng(seed)
    groups = [
        {"params": [p for n, p in tower.named_parameters() if not n.startswith("map")], "lr": 1e-3},
        {"params": [p for n, p in tower.named_parameters() if n.startswith("map")], "lr": 3e-4},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    keys = actions.user * (int(actions.item.max()) + 1) + actions.item
    order = np.lexsort((actions.day, keys))
    first = order[np.r_[True, np.diff(keys[order]) > 0]]  # each pair's oldest action
    for _ in range(EPOCHS):
        for window in rng.permutation(WINDOWS):
            start = last + 1 - WINDOW * (window + 1)
            inside = first[(actions.day[first] >= start) & (actions.day[first] < start + WINDOW)]
            users = rng.permutation(np.unique(actions.user[inside]))
            for drawn in np.array_split(users, max(1, len(users) // USERS)):
                batch = np.sort(drawn)
                items, ages = actions.latest(batch, start)
                there = (items >= 0).any(axis=1)
                rows = inside[np.isin(actions.user[inside], batch[there])]
                if not len(rows):
                    continue
                sampled = np.union1d(rng.choice(shown, SAMPLED, replace=False), actions.item[rows])
                row = np.searchsorted(batch[there], actions.user[rows])
                column = np.searchsorted(sampled, actions.item[rows])
                profile = tower(vectors, torch.from_numpy(items[there]), torch.from_numpy(ages[there]))
                loss = positives_loss(profile, vectors[sampled], row, column)
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()


def towers(size: int) -> Iterator[tuple[str, Tower]]:
    """Name and tower of every row; the plain means have nothing to learn."""
    yield "mean", Tower(size, 0, learned=False, decayed=False)
    yield "decayed mean", Tower(size, 0, learned=False)
    yield "mean with a map", Tower(size, 0, learned=True, decayed=False)
    yield "decayed mean with a map", Tower(size, 0, learned=True)
    yield "additive attention", Tower(size, 1, learned=True)
    yield "attention with 4 heads", Tower(size, 4, learned=True)


def compare(night: HiddenItems, day: date, settings: Config) -> Iterator[tuple[str, float, float, float]]:
    """Name, NDCG@10, Recall@50 and seconds of learning of every row."""
    encoder = hidden_items.tuned_encoder(night, day, settings)
    table = hidden_items.vectors_of(night, encoder, encoder.encode(night.texts), settings)
    yield "preferences (what runs)", *hidden_items.score(night, hidden_items.preferred(night, table, settings)), 0.0
    actions = read_actions(settings, day, night.hidden)
    last = day.toordinal() - date(1970, 1, 1).toordinal()
    table = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    vectors = torch.from_numpy(np.ascontiguousarray(table, dtype=np.float32))
    shown = np.intersect1d(np.unique(actions.item), np.flatnonzero(table.any(axis=1)))
    items, ages = actions.latest(night.users, last + 1)
    with determinism.reproducible(settings.seed, settings.threads):
        for name, tower in towers(vectors.shape[1]):
            started = time.perf_counter()
            if tower.map is not None:
                train(tower, actions, vectors, shown, last, seed=settings.seed)
            spent = time.perf_counter() - started
            with torch.inference_mode():
                users = tower(vectors, torch.from_numpy(items), torch.from_numpy(ages))
                scores = (users @ vectors[torch.from_numpy(night.hidden)].T).numpy()
            yield name, *hidden_items.score(night, scores), spent


def main() -> None:
    """Print the table."""
    chosen = nights.arguments(__doc__).parse_args()
    settings = nights.settings_of(chosen)
    found: dict[str, list[tuple[float, float, float]]] = {}
    for day, night in hidden_items.each(settings, chosen.nights):
        for name, *values in compare(night, day, settings):
            found.setdefault(name, []).append((values[0], values[1], values[2]))
            print(f"  {day} {name:<28}{values[0]:>9.4f}{values[1]:>11.4f}{values[2]:>9.1f} s", flush=True)
    print(f"\n{'':<28}{'NDCG@10':>9}{'Recall@50':>11}{'seconds':>9}")
    for name, rows in sorted(found.items(), key=lambda entry: nights.means(entry[1])[0]):
        ndcg, recall, seconds = nights.means(rows)
        print(f"{name:<28}{ndcg:>9.4f}{recall:>11.4f}{seconds:>9.1f}")


if __name__ == "__main__":
    main()
