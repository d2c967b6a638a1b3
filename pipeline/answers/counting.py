"""How often each cluster was asked lately and before, and the question in the middle of it."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from pipeline.answers.asked import Texts
from pipeline.answers.clusters import Leaders
from pipeline.arrays.blocks import blocks

AT_ONCE = 10_000


@dataclass(frozen=True)
class Counted:
    """Clusters, each by the text that stands for it.

    Attributes:
        leader: [C] int64 text, rising.
        of: [N] int64 the cluster of each question, as Texts.rows has them.
        lately, before: [C] int64 questions of the last days, and of as many before.
        middle: [C] int64 row of a question of the last days that is the most like all of them; of a cluster without
            one, the first question of its leader's text.
        first: [C] int64 microseconds, when it was first asked.
        goes_back: whether the documents go back to the beginning of the days before, and something was asked in them.
    """

    leader: np.ndarray
    of: np.ndarray
    lately: np.ndarray
    before: np.ndarray
    middle: np.ndarray
    first: np.ndarray
    goes_back: bool


def count(
    questions: Texts,
    times: np.ndarray,
    written: np.ndarray,
    leaders: Leaders,
    vectors: np.ndarray,
    *,
    night: date,
    days: int,
) -> Counted:
    """Count the questions of a night.

    Args:
        questions: their texts.
        times, written: [N] int64 microseconds and days since 1970, of Texts.rows.
        leaders: who stands for each text.
        vectors: [T, h] of `exact.rounded`, of the texts.
        night: the last day that counts.
        days: of a span.
    """
    place = np.full(len(questions.keys), -1, dtype=np.int64)
    place[leaders.places] = np.arange(len(leaders.places))
    of = place[leaders.of[questions.of]]
    age = night.toordinal() - date(1970, 1, 1).toordinal() - written  # 0: that day
    number = len(leaders.places)
    recent = (age >= 0) & (age < days)
    first = np.full(number, np.iinfo(np.int64).max)
    np.minimum.at(first, of, times)
    return Counted(
        leader=leaders.places,
        of=of,
        lately=np.bincount(of[recent], minlength=number),
        before=np.bincount(of[(age >= days) & (age < 2 * days)], minlength=number),
        middle=_middle(questions, of, np.flatnonzero(recent), vectors, leaders.places),
        first=first,
        goes_back=bool(len(age) and age.max() >= 2 * days - 1 and ((age >= days) & (age < 2 * days)).any()),
    )


def _middle(questions: Texts, of: np.ndarray, some: np.ndarray, vectors: np.ndarray, leaders: np.ndarray) -> np.ndarray:
    """[C] rows: of some questions the one nearest to the sum of its cluster's; of equals the first."""
    from scipy import sparse

    middle: np.ndarray = questions.first[leaders].copy()
    if not len(some):
        return middle
    clusters, mine = np.unique(of[some], return_inverse=True)
    texts, place = np.unique(questions.of[some], return_inverse=True)
    shape = (len(clusters), len(texts))
    member = sparse.coo_matrix((np.ones(len(some), dtype=np.float32), (mine, place)), shape=shape).tocsr()
    among = vectors[texts].astype(np.float64)
    sums = member @ among  # whole numbers, so that no order of adding is another
    near = np.concatenate(
        [np.einsum("nh,nh->n", among[place[part]], sums[mine[part]]) for part in blocks(len(some), AT_ONCE)]
    )
    order = np.lexsort([np.arange(len(some)), -near, mine])
    begins = np.flatnonzero(np.diff(mine[order], prepend=-1))
    middle[clusters] = questions.rows[some[order[begins]]]
    return middle
