"""One list against what its users did next: the truth, the buckets, and the values of every metric.

A user is judged if there is at least one item to find (in pool `new`: one never acted on before). Items in the label
window count even if they were unknown at the cut-off.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.arrays import metrics
from pipeline.arrays.blocks import blocks
from pipeline.arrays.exposure import head
from pipeline.features.read import Cutoff
from pipeline.ground.lists import Pool, kind_of
from pipeline.settings.config import Config
from pipeline.settings.sections.lists import Evaluate

USER_BUCKETS = ("new", "light", "heavy")
ITEM_BUCKETS = ("cold", "tail", "head")
COUNTS = ("hits", "shown", "wanted")

Values = dict[str, np.ndarray]
"""Per judged user: one float64 [J] per metric, and the int counts of the relevance decision."""


class Measured(NamedTuple):
    """One metric of one list in one bucket; low and high, where known, are its 95 % interval over users."""

    pool: Pool
    list: str
    bucket_kind: str
    bucket: str
    metric: str
    value: float
    low: float | None
    high: float | None
    users: int


@dataclass(frozen=True)
class Truth:
    """What the users of one pool acted on in the label window.

    Attributes:
        pool: the pool.
        rows: [J] rows of the cut-off's targets that are judged, ascending.
        starts, items: user j acted on items[starts[j]:starts[j + 1]], ascending.
        seen_starts, seen: what user j had acted on before and may not be shown; empty where repeats are allowed.
        rarity: [I] what a hit of each item counts in `rare_dcg`; None: nobody asks for that.
    """

    pool: Pool
    rows: np.ndarray
    starts: np.ndarray
    items: np.ndarray
    seen_starts: np.ndarray
    seen: np.ndarray
    rarity: np.ndarray | None = None

    def shown(self, items: np.ndarray, block: slice) -> np.ndarray:
        """Lists [B, n] of the judged users in `block` as they count: no item twice, none that may not be shown."""
        lists = np.asarray(items[self.rows[block]], dtype=np.int64)
        starts = self.seen_starts[block.start : block.stop + 1]
        return metrics.close_up(lists, metrics.repeated(lists) | metrics.member(lists, starts, self.seen))


@dataclass(frozen=True)
class Buckets:
    """Which part of the users and of the items something belongs to.

    Attributes:
        users: [T] int8 positions in USER_BUCKETS, one per target.
        items: [I] int8 positions in ITEM_BUCKETS, one per item known today (those unknown at the cut-off are cold).
    """

    users: np.ndarray
    items: np.ndarray


def _ragged(table: pa.Table, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts [len(users) + 1] and items of the rows of `users` in a table sorted by user_index, item_index."""
    owner = table.column("user_index").to_numpy()
    first, last = np.searchsorted(owner, users, "left"), np.searchsorted(owner, users, "right")
    starts = np.concatenate([[0], np.cumsum(last - first)])
    items = table.column("item_index").to_numpy()[np.isin(owner, users)]
    return starts, items.astype(np.int64)


def read_truth(cutoff: Cutoff, pool: Pool) -> Truth:
    """The truth of one pool at a label cut-off."""
    targets, labels = cutoff.targets(), cutoff.labels(pool)
    history = cutoff.interactions(["user_index", "item_index"])
    rows = np.flatnonzero(np.isin(targets, labels.column("user_index").to_numpy()))
    seen = _ragged(history if kind_of(pool) == "new" else history.slice(0, 0), targets[rows])
    return Truth(pool, rows, *_ragged(labels, targets[rows]), *seen)


def read_buckets(cutoff: Cutoff, items: int, settings: Evaluate) -> Buckets:
    """Users by the size of their history, items by age and sales; `items` is how many are known today."""
    sizes = np.bincount(cutoff.interactions(["user_index"]).column(0).to_numpy(), minlength=cutoff.users)
    bounds = [settings.new_user_items, settings.heavy_user_items]
    users = np.digitize(sizes[cutoff.targets()], bounds).astype(np.int8)
    stats = cutoff.item_stats()
    sold = stats.column("buyers_91").to_numpy()
    age = stats.column("first_age").to_numpy(zero_copy_only=False)
    codes = np.full(max(items, cutoff.items), ITEM_BUCKETS.index("cold"), dtype=np.int8)
    codes[: len(sold)] = np.where(head(sold, settings.head_share), 2, 1)
    codes[: len(age)][~(age > settings.cold_days)] = 0  # also where the age is null: never acted on
    return Buckets(users, codes)


def values(
    hit: np.ndarray, shown: np.ndarray, wanted: np.ndarray, k: int, deep: int, *, counts: np.ndarray | None = None
) -> Values:
    """All per-user metrics of a block.

    Args:
        hit: bool [B, n].
        shown: bool [B, n], where the list has an item (of the bucket).
        wanted: int [B]; a user with 0 gets meaningless metrics and is left out later.
        k, deep: as in the configuration.
        counts: [B, n] what a hit counts by its rarity; None: that is not measured.
    """
    some = np.maximum(wanted, 1)
    rare = {} if counts is None else {f"rare_dcg@{k}": metrics.weighted_gain(hit, counts, k)}
    return {
        f"ndcg@{k}": metrics.ndcg(hit, some, k),
        f"recall@{deep}": metrics.recall(hit, some, deep),
        f"map@{k}": metrics.average_precision(hit, some, k),
        f"mrr@{k}": metrics.reciprocal_rank(hit, k),
        f"hit_rate@{k}": metrics.hit_rate(hit, k),
        f"precision@{k}": metrics.precision(hit, k),
        **rare,
        "hits": hit[:, :k].sum(axis=1),
        "shown": shown[:, :k].sum(axis=1),
        "wanted": wanted,
    }


def measure(items: np.ndarray, truth: Truth, buckets: Buckets, config: Config) -> dict[str, Values]:
    """Judge one list, a block of users at a time.

    Args:
        items: [T, n] item indices, -1 pads; may be memory-mapped.
    Returns:
        Values of the judged users: under "everyone" against all their items, under each of ITEM_BUCKETS against
        those of the bucket only.
    """
    k, deep = config.evaluate.k, config.evaluate.deep
    parts: dict[str, list[Values]] = {name: [] for name in ("everyone", *ITEM_BUCKETS)}
    for block in blocks(len(truth.rows), config.block_users):
        starts = truth.starts[block.start : block.stop + 1]
        lists = truth.shown(items, block)[:, : max(k, deep)]
        hit, there = metrics.member(lists, starts, truth.items), lists >= 0
        counts = None if truth.rarity is None else truth.rarity[lists]
        parts["everyone"].append(values(hit, there, np.diff(starts), k, deep, counts=counts))
        owner = np.repeat(np.arange(len(lists)), np.diff(starts))
        kind, wanted_kind = buckets.items[lists], buckets.items[truth.items[starts[0] : starts[-1]]]
        for code, name in enumerate(ITEM_BUCKETS):
            wanted = np.bincount(owner[wanted_kind == code], minlength=len(lists))
            of_kind = there & (kind == code)
            parts[name].append(values(hit & of_kind, of_kind, wanted, k, deep, counts=counts))
    return {name: _joined(found, truth, k, deep) for name, found in parts.items()}


def _joined(parts: list[Values], truth: Truth, k: int, deep: int) -> Values:
    if not parts:
        nobody = np.zeros((0, 1), dtype=bool)
        counts = None if truth.rarity is None else np.zeros((0, 1))
        return values(nobody, nobody, np.zeros(0, dtype=np.int64), k, deep, counts=counts)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def averages(found: Values, chosen: np.ndarray, k: int) -> tuple[dict[str, float], int]:
    """Means of the metrics over the chosen users with something to find, and how many they are.

    The relevance decision is pooled over the same users: decision_precision, decision_recall, decision_f1.
    """
    chosen = chosen & (found["wanted"] > 0)
    users = int(chosen.sum())
    if not users:
        return {}, 0
    result = {name: float(column[chosen].mean()) for name, column in found.items() if name not in COUNTS}
    pooled = metrics.decision(*(int(found[name][chosen].sum()) for name in COUNTS))
    return result | {f"decision_{name}@{k}": value for name, value in pooled.items()}, users


def catalogue(
    items: np.ndarray, known: int, information: np.ndarray, vectors: np.ndarray | None, config: Config
) -> dict[str, float]:
    """What a list shows, whatever the users did: coverage, novelty (bits) and, with item vectors, diversity.

    Args:
        items: [T, n] item indices of all targets, -1 pads.
        known: distinct items in the history.
        information: [I] bits, of `metrics.self_information`.
        vectors: [I, h] item vectors, or None.
    """
    k = config.evaluate.k
    shown: set[int] = set()
    columns: dict[str, list[np.ndarray]] = {f"novelty@{k}": []}
    if vectors is not None:
        columns[f"diversity@{k}"] = []
    for block in blocks(len(items), config.block_users):
        top = np.asarray(items[block, :k])
        shown.update(np.unique(top).tolist())
        columns[f"novelty@{k}"].append(metrics.novelty(top, information))
        if vectors is not None:
            columns[f"diversity@{k}"].append(metrics.diversity(top, vectors))
    found = {f"coverage@{k}": metrics.coverage(np.array(sorted(shown)), max(known, 1))}
    for name, parts in columns.items():
        column = np.concatenate(parts) if parts else np.zeros(0)
        if not np.isnan(column).all():
            found[name] = float(np.nanmean(column))
    return found


def per_user(everyone: Values) -> Values:
    """The metrics without the counts."""
    return {name: column for name, column in everyone.items() if name not in COUNTS}
