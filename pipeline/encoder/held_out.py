"""How well the encoder foretells what users did right after the last action it is tuned on.

Half of the users who acted in those days are "dev", the other half "test". A user is the decayed mean of the earlier
items; every item with a text that the user had not acted on is ranked. Nothing of it is trained on, so what is measured
here leaves the encoder's bytes as they are.

    ndcg_10, recall_50      of the ranking (of at most `MOST_ITEMS` items: those looked for and a sample of the others)
    precision, recall, f1   of telling what a user acted on from four times as many items drawn by popularity: "yes"
                            from the score on that has the best F1 on dev; the relevance head's, else the cosine
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from pipeline.arrays import top_k

if TYPE_CHECKING:
    from collections.abc import Callable

    from scipy.sparse import csr_matrix

MOST_USERS, MOST_ITEMS = 2000, 5000
NEGATIVES = 4
SPLITS = ("dev", "test")
NAMES = ("ndcg_10", "recall_50", "precision", "recall", "f1")
_DISCOUNT = 1 / np.log2(np.arange(2, 12))


@dataclass(frozen=True)
class HeldOut:
    """Users, what was known of them, and what they did next.

    Attributes:
        items: [C] indices of the items that are ranked, ascending.
        profiles: [U, I] CSR decayed earlier actions.
        truth, seen: bool [U, C]: acted on later and never before; acted on before.
        dev: bool [U].
        negatives: [P, 2] user row and item column of pairs nobody showed, about NEGATIVES for every true one.
    """

    items: np.ndarray
    profiles: "csr_matrix"
    truth: np.ndarray
    seen: np.ndarray
    dev: np.ndarray
    negatives: np.ndarray


def read(path: Path, matrix: "csr_matrix", texts: list[str], seed: int) -> HeldOut | None:
    """The held-out users of a night's features, or None if nobody acted in those days.

    Args:
        path: held_out.parquet: user_index, item_index of the days after the last action of `matrix`.
        matrix: [U, I] decayed earlier actions.
        texts: [I].
        seed: draws the sample and the split.
    """
    table = pq.read_table(path)
    users, items = (table.column(name).to_numpy() for name in ("user_index", "item_index"))
    filled = np.array([bool(text.strip()) for text in texts], dtype=bool)
    kept = (users < matrix.shape[0]) & (items < len(texts))
    kept[kept] &= filled[items[kept]]
    return split(users[kept], items[kept], matrix, filled, seed)


def split(users: np.ndarray, items: np.ndarray, matrix: "csr_matrix", filled: np.ndarray, seed: int) -> HeldOut | None:
    """The same, of pairs (user, item) [P] acted on later; `filled` bool [I] says which items have a text."""
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(seed)
    later = csr_matrix((np.ones(len(users), dtype=np.float32), (users, items)), shape=matrix.shape)
    later = (later - later.multiply(matrix > 0)).tocsr()
    later.eliminate_zeros()
    chosen = np.flatnonzero((np.diff(later.indptr) > 0) & (np.diff(matrix.indptr) > 0))
    if len(chosen) < len(SPLITS):
        return None
    chosen = rng.permutation(chosen)[:MOST_USERS]
    wanted = np.unique(later[chosen].indices)
    others = np.setdiff1d(np.flatnonzero(filled), wanted)
    ranked = np.sort(np.r_[wanted, rng.permutation(others)[: max(0, MOST_ITEMS - len(wanted))]])
    truth, seen = (m[chosen][:, ranked].toarray() > 0 for m in (later, matrix))
    popularity = np.asarray((matrix[:, ranked] > 0).sum(axis=0)).ravel() + 1.0
    row = np.flatnonzero(truth.any(axis=1)).repeat(NEGATIVES * truth.sum(axis=1)[truth.any(axis=1)])
    column = rng.choice(len(ranked), size=len(row), p=popularity / popularity.sum())
    free = ~(truth | seen)[row, column]
    return HeldOut(
        items=ranked,
        profiles=matrix[chosen],
        truth=truth,
        seen=seen,
        dev=np.arange(len(chosen)) % 2 == 0,
        negatives=np.stack([row[free], column[free]], axis=1),
    )


def judge(
    held: HeldOut,
    vectors: np.ndarray,
    profile_vectors: np.ndarray,
    relevant: "Callable[[np.ndarray, np.ndarray], np.ndarray] | None" = None,
) -> dict[str, float]:
    """Every measure of both splits, named "dev_ndcg_10" and so on.

    Args:
        held: users and truth.
        vectors: [C, h] unit vectors of the ranked items.
        profile_vectors: [U, h] unit vectors of the users.
        relevant: [P] how well each pair of [P, h] users' and [P, h] items' vectors goes together; default: the cosine.
    """
    scores = profile_vectors @ vectors.T
    ranked = np.where(held.seen, -np.inf, scores).astype(np.float32)
    order, _ = top_k.top_n(ranked, min(50, len(vectors)))
    hits = np.take_along_axis(held.truth, np.maximum(order, 0), axis=1) & (order >= 0)
    count = held.truth.sum(axis=1)
    first = hits[:, :10]
    ideal = np.cumsum(_DISCOUNT)[np.minimum(count, 10) - 1]
    by_user = {"ndcg_10": first @ _DISCOUNT[: first.shape[1]] / ideal, "recall_50": hits.sum(axis=1) / count}
    pairs = np.vstack([np.argwhere(held.truth), held.negatives])
    right = np.arange(len(pairs)) < len(pairs) - len(held.negatives)
    at = profile_vectors[pairs[:, 0]], vectors[pairs[:, 1]]
    together = np.einsum("ph,ph->p", *at) if relevant is None else relevant(*at)
    on_dev = held.dev[pairs[:, 0]]
    said = together >= best_threshold(together[on_dev], right[on_dev])
    found: dict[str, float] = {}
    for name, of_split in zip(SPLITS, (held.dev, ~held.dev), strict=True):
        found |= {f"{name}_{measure}": float(values[of_split].mean()) for measure, values in by_user.items()}
        mine = of_split[pairs[:, 0]]
        precision, recall, f1 = classified(said[mine], right[mine])
        found |= {f"{name}_precision": precision, f"{name}_recall": recall, f"{name}_f1": f1}
    return found


def best_threshold(scores: np.ndarray, right: np.ndarray) -> float:
    """The score from which on "yes" has the best F1."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + max(int(right.sum()), 1))
    return float(scores[order][np.argmax(f1)]) if len(order) else 0.0


def classified(said: np.ndarray, right: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall and F1 of bool [P] answers; 0 where nothing was said or nothing is right."""
    hits = int((said & right).sum())
    precision, recall = hits / max(int(said.sum()), 1), hits / max(int(right.sum()), 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)
