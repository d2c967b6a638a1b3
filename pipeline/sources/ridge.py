"""What users turn to next: ridge regression of a window's actions on the decayed history before it.

Item-to-item models say what is found together; this one what came after. Its lessons are the windows of `horizon_days`
that ended by the cut-off: of everybody who acted in one, what they did in it, and their history as it stood before it.
An item's weight on itself is learned like any other, so the model knows repetition and no history is added to it. Pool
`new` has weights of its own, of the same histories and what in the window was new to the user.

Only the most popular `max_items` items take part: memory is max_items^2 x 4 bytes x 6, and time grows with its cube.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import PositiveFloat, PositiveInt

from pipeline.arrays.determinism import blas_threads
from pipeline.engine import Bound
from pipeline.features import days
from pipeline.features.read import Cutoff
from pipeline.ground import lists
from pipeline.ground.artifacts import Memo
from pipeline.ground.errors import TrainingError
from pipeline.settings.config import Config
from pipeline.settings.sections.base import SourceSection
from pipeline.sources.candidates import make_parts, narrowed, reached, write_candidates
from pipeline.sources.contract import CandidateList, Source
from pipeline.sources.ease import modelled_items, scoring

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class Ridge(SourceSection):
    """Ridge regression of what comes next on the decayed history, for catalogues that fit in memory."""

    values: Literal["decay_7", "decay_30", "decay_90", "decay_365"] = "decay_90"
    """Column of the interactions the model is applied to; older windows' histories decay alike."""
    windows: PositiveInt = 12
    """Windows of `horizon_days` before the cut-off that it is fitted on."""
    reg: PositiveFloat = 50.0
    """L2 weight on the item-item weights of pool `all`."""
    new_reg: PositiveFloat = 200.0
    """The same of pool `new`, where less is to be learned from."""
    max_items: PositiveInt = 2000
    """Items that take part, by decayed history; memory grows with its square, time with its cube."""


SOURCE = Source(
    Ridge,
    lists=(CandidateList("ridge", "What comes next (ridge)"),),
    made_of={"interactions": ("{values}",), "days": ("age", "is_label")},
)

Lesson = tuple["csr_matrix", "csr_matrix", "csr_matrix"]
"""[R, M] each, of the R users of a window: histories before it, what they acted on in it, and what of that was new."""

ENTRIES = 2**22
"""Of the histories of windows that are held at a time: 32 MiB."""


def lessons(acted: pa.Table, items: np.ndarray, section: Ridge, horizon: int) -> Iterator[Lesson]:
    """The windows before a cut-off, the latest first, each with its users' rows divided by history^(1/4).

    So a user counts by the square root of what they did: a wholesaler more than a household, not more than all others.

    Args:
        acted: of schemas.DAYS, sorted by user.
        items: [M] ascending indices of the items that take part.
        section: how many windows, and how histories decay.
        horizon: days of a window.
    """
    from scipy.sparse import csr_matrix

    users, item, age, label = (column.to_numpy() for column in acted.columns)
    half_life = int(section.values.removeprefix("decay_"))
    column = np.searchsorted(items, item)
    modelled = items[np.minimum(column, len(items) - 1)] == item if len(items) else np.zeros(len(item), dtype=bool)
    for window in range(section.windows):
        starts = horizon * (window + 1)  # as an age: what is older is history
        before, inside = age >= starts, label & (age < starts) & (age >= starts - horizon)
        there = np.intersect1d(users[before], users[inside])
        if not len(there):
            continue
        row = np.minimum(np.searchsorted(there, users), len(there) - 1)
        known = there[row] == users
        decayed = np.exp2((starts - age) / half_life, where=before, out=np.zeros(len(age)))
        even = np.maximum(np.bincount(row, weights=decayed * known, minlength=len(there)), 1) ** -0.25
        x, y = known & modelled & before, known & modelled & inside
        shape = (len(there), len(items))
        history = csr_matrix((decayed[x] * even[row[x]], (row[x], column[x])), shape=shape, dtype=np.float32)
        wanted = csr_matrix((np.ones(np.count_nonzero(y)), (row[y], column[y])), shape=shape, dtype=np.float32)
        wanted.data = np.repeat(even, np.diff(wanted.indptr)).astype(np.float32)  # on however many days
        first = (wanted - wanted.multiply(history > 0)).tocsr()
        first.eliminate_zeros()
        yield history, wanted, first


@dataclass(frozen=True)
class Sums:
    """What all windows add up to: X'X, X'Y and X'Y of what was new, [M, M] float32 each."""

    gram: np.ndarray
    wanted: np.ndarray
    first: np.ndarray

    @classmethod
    def of(cls, given: Iterator[Lesson], size: int) -> "Sums":
        """Added up some windows at a time, as a product costs more to add than to make."""
        gram, wanted, first = (np.zeros((size, size), dtype=np.float32) for _ in range(3))
        for histories, *targets in _together(given):
            gram += (histories.T @ histories).toarray()
            for total, target in zip((wanted, first), targets, strict=True):
                np.add(total, (histories.T @ target).toarray(), out=total)
        return cls(gram, wanted, first)


def _together(given: Iterator[Lesson]) -> Iterator[Lesson]:
    """Windows one below the other, until they have ENTRIES."""
    from scipy.sparse import vstack

    held: list[Lesson] = []
    for lesson in given:
        held.append(lesson)
        if sum(history.nnz for history, _, _ in held) >= ENTRIES:
            yield tuple(vstack(column, format="csr") for column in zip(*held, strict=True))
            held = []
    if held:
        yield tuple(vstack(column, format="csr") for column in zip(*held, strict=True))


def item_weights(gram: np.ndarray, sums: np.ndarray, reg: float) -> np.ndarray:
    """Item-item weights B that minimise the sum over windows of |Y - XB|^2, + reg |B|^2.

    Args:
        gram: X'X, [M, M] float32.
        sums: X'Y, [M, M] float32.
        reg: L2 weight, > 0.
    Returns:
        [M, M] float32; all 0 where there is nothing to learn.
    Raises:
        TrainingError: the system has no solution in float32.
    """
    from scipy.linalg import lapack

    if not sums.any():
        return sums
    drawn = np.array(gram, order="F")
    np.fill_diagonal(drawn, drawn.diagonal() + np.float32(reg))
    factor, failed = lapack.spotrf(drawn, lower=1, overwrite_a=1)
    weights, wrong = lapack.spotrs(factor, np.array(sums, order="F"), lower=1, overwrite_b=1)
    if failed or wrong or not np.isfinite(weights).all():
        raise TrainingError("ridge: the item-item matrix is not positive definite: raise ridge.reg and ridge.new_reg")
    return np.ascontiguousarray(weights)


def run(*, features: Path, config: Config, section: Ridge, memo: Memo) -> dict[str, Any]:
    """Write the list `ridge` of every cut-off."""

    def make(cutoff: Cutoff, previous: Path | None, folder: Path) -> None:
        among = reached(cutoff)
        whole = cutoff.matrix(section.values)
        best = modelled_items(whole, section.max_items)
        arrays = {"history": narrowed(whole, among), "items": best if among is None else np.searchsorted(among, best)}
        given: dict[str, Any] = {"n": section.candidates, "above": 0.0, "threads": config.threads, "among": among}
        with blas_threads(1):
            sums = Sums.of(lessons(days.read(cutoff), best, section, config.horizon_days), len(best))
            learned: dict[tuple[lists.Kind, ...], tuple[np.ndarray, float]] = {("new",): (sums.first, section.new_reg)}
            if cutoff.repeats:
                learned[("all",)] = (sums.wanted, section.reg)
            else:  # nobody comes back, and all is what is new
                learned = {lists.KINDS: learned[("new",)]}
            for kinds, (taught, reg) in learned.items():
                score = Bound(scoring, arrays | {"weights": item_weights(sums.gram, taught, reg)})
                write_candidates(folder, "ridge", cutoff, score, config=config, kinds=kinds, **given)

    return make_parts("ridge", make, features=features, memo=memo, config=config, tables=("interactions", "days"))
