"""What users turn to next: ridge regression of a window's actions on the decayed history before it.

Item-to-item models say what is found together; this one what came after. Its lessons are the windows of `horizon_days`
that ended by the cut-off: of everybody who did in one what the shop's goal is, what that was, and their history as it
stood before it. Surfaces with a goal or a horizon of their own get the lists of this one, of their items.
An item's weight on itself is learned like any other, so the model knows repetition and no history is added to it.

Only the most popular `max_items` items take part: memory is max_items^2 x 4 bytes x 3, and time grows with its cube.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, PositiveFloat, PositiveInt

from pipeline.arrays.determinism import blas_threads
from pipeline.engine import Bound
from pipeline.features import days
from pipeline.features.read import Cutoff
from pipeline.ground.artifacts import Memo
from pipeline.ground.errors import TrainingError
from pipeline.settings.config import Config
from pipeline.settings.sections.base import SourceSection
from pipeline.sources.candidates import make_parts, narrowed, reached, write_source
from pipeline.sources.contract import CandidateList, Source
from pipeline.sources.ease import modelled_items, scoring

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class Ridge(SourceSection):
    """Ridge regression of what comes next on the decayed history, for catalogues that fit in memory."""

    values: Literal["decay_7", "decay_30", "decay_90", "decay_365"] = "decay_90"
    """Column of the interactions the model is applied to; older windows' histories decay alike."""
    windows: int = Field(default=12, gt=0, le=1000)
    """Windows of `horizon_days` before the cut-off that it is fitted on."""
    reg: PositiveFloat = 50.0
    """L2 weight on the item-item weights."""
    max_items: PositiveInt = 2000
    """Items that take part, by decayed history; memory grows with its square, time with its cube."""


SOURCE = Source(
    Ridge,
    lists=(CandidateList("ridge", "What comes next (ridge)"),),
    made_of={"interactions": ("{values}",), "days": ("age", "is_action", "is_label")},
)

Lesson = tuple["csr_matrix", "csr_matrix"]
"""X and Y [R, M] of the R users of a window: their histories before it, and 1 where they acted in it."""

ENTRIES = 2**22
"""Of the histories of windows that are held at a time: 32 MiB."""


def lessons(acted: pa.Table, items: np.ndarray, section: Ridge, horizon: int) -> Iterator[Lesson]:
    """The windows before a cut-off, the latest first, each with its users' rows divided by history^(1/4).

    So what is wrong for a user counts by one over the square root of what they had done, or wholesalers would decide
    for households.

    Args:
        acted: of schemas.DAYS, sorted by user.
        items: [M] ascending indices of the items that take part.
        section: how many windows, and how histories decay.
        horizon: days of a window.
    """
    from scipy.sparse import csr_matrix

    users, item, age, action, label = (column.to_numpy() for column in acted.columns)
    half_life = int(section.values.removeprefix("decay_"))
    column = np.searchsorted(items, item)
    modelled = items[np.minimum(column, len(items) - 1)] == item if len(items) else np.zeros(len(item), dtype=bool)
    number, oldest = int(users.max(initial=-1)) + 1, int(age.max(initial=0))
    for window in range(section.windows):
        starts = horizon * (window + 1)  # as an age: what is older is history
        if starts > oldest:
            break
        before, inside = action & (age >= starts), label & (age < starts) & (age >= starts - horizon)
        taught = np.bincount(users[inside], minlength=number) > 0
        taught &= np.bincount(users[before], minlength=number) > 0
        if not taught.any():
            continue
        known, row = taught[users], np.maximum(np.cumsum(taught) - 1, 0)[users]
        decayed = np.exp2((starts - age) / half_life, where=before, out=np.zeros(len(age)))
        even = np.maximum(np.bincount(row, weights=decayed * known), 1) ** -0.25
        x, y = known & modelled & before, known & modelled & inside
        shape = (np.count_nonzero(taught), len(items))
        history = csr_matrix((decayed[x] * even[row[x]], (row[x], column[x])), shape=shape, dtype=np.float32)
        wanted = csr_matrix((np.ones(np.count_nonzero(y)), (row[y], column[y])), shape=shape, dtype=np.float32)
        wanted.data = np.repeat(even, np.diff(wanted.indptr)).astype(np.float32)  # on however many days
        yield history, wanted


def _together(given: Iterator[Lesson]) -> Iterator[Lesson]:
    """Windows one below the other until they have ENTRIES, as it costs more to add up products than to make them."""
    from scipy.sparse import vstack

    held: list[Lesson] = []
    for lesson in given:
        held.append(lesson)
        if sum(history.nnz for history, _ in held) >= ENTRIES:
            yield vstack([x for x, _ in held], format="csr"), vstack([y for _, y in held], format="csr")
            held = []
    if held:
        yield vstack([x for x, _ in held], format="csr"), vstack([y for _, y in held], format="csr")


def item_weights(given: Iterator[Lesson], size: int, reg: float) -> np.ndarray:
    """Item-item weights B that minimise the sum over windows of |Y - XB|^2, + reg |B|^2.

    Args:
        given: X and Y [R, M] of each window.
        size: M.
        reg: L2 weight, > 0.
    Returns:
        [M, M] float32; all 0 where there is no window.
    Raises:
        TrainingError: the system has no solution in float32.
    """
    from scipy.linalg import lapack

    gram, sums = np.zeros((size, size), dtype=np.float32), np.zeros((size, size), dtype=np.float32)
    for history, wanted in _together(given):
        gram += (history.T @ history).toarray()
        sums += (history.T @ wanted).toarray()
    if not sums.any():
        return sums
    np.fill_diagonal(gram, gram.diagonal() + np.float32(reg))
    # both are symmetric or square, and LAPACK's order is the transposed one
    factor, failed = lapack.spotrf(gram.T, lower=1, overwrite_a=1)
    weights, wrong = lapack.spotrs(factor, np.asfortranarray(sums), lower=1, overwrite_b=1)
    if failed or wrong or not np.isfinite(weights).all():
        raise TrainingError("ridge: the item-item matrix is not positive definite: raise ridge.reg")
    return np.ascontiguousarray(weights)


def run(*, features: Path, config: Config, section: Ridge, memo: Memo) -> dict[str, Any]:
    """Write the list `ridge` of every cut-off."""

    def make(cutoff: Cutoff, previous: Path | None, folder: Path) -> None:
        among = reached(cutoff)
        whole = cutoff.matrix(section.values)
        best = modelled_items(whole, section.max_items)
        history = narrowed(whole, among)
        items = best if among is None else np.searchsorted(among, best)
        with blas_threads(1):
            past = lessons(days.read(cutoff), best, section, config.horizon_days)
            weights = item_weights(past, len(best), section.reg)
            score = Bound(scoring, {"history": history, "items": items, "weights": weights})
            given: dict[str, Any] = {"above": 0.0, "threads": config.threads, "among": among}
            write_source(folder, "ridge", cutoff, score, section=section, config=config, **given)

    return make_parts("ridge", make, features=features, memo=memo, config=config, tables=("interactions", "days"))
