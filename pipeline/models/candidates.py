"""What the sources share: one part per cut-off, and scores turned into ranked lists by blocks of users."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pipeline import artifacts, data, lists
from pipeline.config import Config
from pipeline.data import Cutoff
from pipeline.errors import TrainingError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

log = logging.getLogger(__name__)

# Scores of a block of users against every item, in the cut-off's own item order.
Score = Callable[[np.ndarray], np.ndarray]  # [B] user indices -> [B, I] float32


class Make(Protocol):
    """Writes the files of one cut-off; `previous` is the finished part of the next older cut-off."""

    def __call__(self, cutoff: Cutoff, previous: Path | None, folder: Path, /) -> None: ...


@contextlib.contextmanager
def blas_threads(threads: int) -> Iterator[None]:
    """Give BLAS exactly this many threads, whatever the environment says.

    implicit runs its own threads and calls BLAS inside them; OpenBLAS must then have one, else it warns and crawls.
    """
    import scipy.linalg  # noqa: F401  # loads SciPy's own OpenBLAS, so that the limit reaches it as well as NumPy's
    from threadpoolctl import threadpool_limits

    with threadpool_limits(threads, "blas"):
        yield


def inputs_hash(cutoff: Cutoff, tables: Sequence[str]) -> str:
    """A hash of the features of one cut-off that a source reads."""
    files = [artifacts.file_sha256(cutoff.folder / f"{name}.parquet") for name in sorted(tables)]
    return artifacts.text_sha256(cutoff.cutoff, cutoff.users, cutoff.items, files)


def make_parts(
    stage: str,
    make: Make,
    *,
    features: Path,
    out: Path,
    config: Config,
    tables: Sequence[str],
    chained: bool = False,
) -> dict[str, int]:
    """Make or link one part per cut-off, oldest first.

    Args:
        stage: the stage's name, which is its section's.
        make: writes one part.
        features: the features stage's folder.
        out: the running stage's folder.
        config: the configuration.
        tables: names of the cut-off's features tables the part depends on; `targets` is always one of them.
        chained: whether a part also depends on the part of the next older cut-off (warm start).
    Returns:
        Scalars for the report: cutoffs, linked, and tonight's users, items and targets.
    Raises:
        TrainingError: tonight's cut-off has no users with a history.
    """
    cutoffs = data.read_cutoffs(features)
    tonight = cutoffs[0]
    if len(tonight.targets()) == 0:
        raise TrainingError(f"{tonight.folder} has no user with a history: {stage} has nothing to learn from")
    key, previous, linked = "", None, 0
    for number, cutoff in enumerate(sorted(cutoffs, key=lambda c: c.cutoff), start=1):
        key = artifacts.text_sha256(
            stage, config.digest(stage), inputs_hash(cutoff, (*tables, "targets")), key if chained else ""
        )
        reused = artifacts.memo(out, cutoff.part, key, partial(make, cutoff, previous))
        log.info("%s %d/%d: %s %s", stage, number, len(cutoffs), cutoff.cutoff, "linked" if reused else "made")
        linked += reused
        previous = out / cutoff.part if chained else None
    return {
        "cutoffs": len(cutoffs),
        "linked": linked,
        "users": tonight.users,
        "items": tonight.items,
        "targets": len(tonight.targets()),
    }


def write_candidates(
    folder: Path,
    name: str,
    cutoff: Cutoff,
    score: Score,
    *,
    n: int,
    block_users: int,
    pools: Sequence[lists.Pool] = lists.POOLS,
    own: "csr_matrix | None" = None,
    above: float = -np.inf,
) -> None:
    """Rank every target's n best items in each pool and write the lists.

    Args:
        folder: the cut-off's folder in the running stage.
        name: the list's name.
        cutoff: whose targets are ranked for.
        score: scores a block of users.
        n: length of the lists.
        block_users: users scored at a time; memory grows with block_users x items x 16 bytes.
        pools: which pools to write; `new` excludes whatever the user has a history with.
        own: [U, I] added to the scores in pool `all` only.
        above: an item is a candidate only if its score in the pool is greater; a list may so end early.
    Raises:
        TrainingError: a score is not a number.
    """
    targets = cutoff.targets()
    seen = cutoff.matrix("count")
    ranked: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {pool: [] for pool in pools}
    for block in data.blocks(max(len(targets), 1), block_users):  # no targets: one empty block gives the shape
        users = targets[block]
        scores = np.asarray(score(users), dtype=np.float32)  # [B, I]
        if np.isnan(scores).any():
            raise TrainingError(f"{folder}: list '{name}' has a score that is not a number")
        for pool in pools:
            chosen = _in_pool(scores, users, pool, seen, own)
            ranked[pool].append(lists.top_n(np.where(chosen > above, chosen, np.float32(-np.inf)), n))
    for pool in pools:
        items, best = (np.concatenate(arrays) for arrays in zip(*ranked[pool], strict=True))
        lists.write_list(folder, pool, name, items, best)


def _in_pool(
    scores: np.ndarray, users: np.ndarray, pool: lists.Pool, seen: "csr_matrix", own: "csr_matrix | None"
) -> np.ndarray:
    """The scores [B, I] as the pool sees them: with the own history added, or with everything seen left out."""
    if pool == "all":
        return scores if own is None else scores + own[users].toarray()
    masked = scores.copy()
    masked[seen[users].nonzero()] = -np.inf
    return masked
