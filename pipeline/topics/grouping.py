"""Texts that are about one thing: put into cells of nearly the same, and cells into topics.

Each text joins the cell whose centre is nearest, or founds one (pipeline.answers.clusters); then the two groups of
cells whose texts are most alike in the mean become one, as long as that mean is high enough (average linkage over
texts). Texts that were one topic the night before are a little more alike for it, so that topics stay what they were.
Sources: MacQueen 1967; Sokal and Michener, "A statistical method for evaluating systematic relationships", 1958. Sums
are of whole numbers, so that neither threads nor machines move a bit.
"""

import numpy as np

from pipeline.answers import clusters, exact

CELL = 0.5
"""Cosine from which a text joins a cell."""
CELLS = 4000
"""The largest cells become topics; what is in another one, as of thousands that few texts are in, stays alone."""
STAY = 0.1
"""By so much the cosine of two texts is higher if they were one topic the night before."""


def groups(vectors: np.ndarray, likeness: float, before: np.ndarray | None = None) -> np.ndarray:
    """[N] int64 the topic of each text, from 0 without gaps, in the order of their first texts.

    Args:
        vectors: [N, h] of `exact.rounded`, in the order in which nights first knew the texts.
        likeness: mean cosine of their texts from which two groups are one.
        before: [N] int64 the topic of each text the night before, from 0; -1: none. Default: of no text known.
    """
    if not len(vectors):
        return np.zeros(0, dtype=np.int64)
    cell = np.unique(clusters.go_on(clusters.NOBODY, vectors, CELL).of, return_inverse=True)[1]
    sizes = np.bincount(cell)
    large = np.sort(np.argsort(-sizes, kind="stable")[:CELLS])
    place = np.full(len(sizes), -1)
    place[large] = np.arange(len(large))
    of_large = place[cell]
    taken = of_large >= 0
    sums = np.zeros((len(large), vectors.shape[1]))
    np.add.at(sums, of_large[taken], vectors[taken].astype(np.float64))
    if before is not None:
        sums = np.hstack([sums, _stay(of_large, before, len(large))])
    first = np.arange(len(sizes))
    first[large] = large[merged(sums, sizes[large], likeness)]
    return _by_first_text(first[cell])


def in_languages(
    vectors: np.ndarray, likeness: float, before: np.ndarray | None, languages: np.ndarray | None
) -> np.ndarray:
    """`groups` of the texts of each language by itself, in the order of their first texts.

    Args:
        languages: [N] int64 the language of each text; None: they are not told apart.
        vectors, likeness, before: as there.
    """
    if languages is None:
        return groups(vectors, likeness, before)
    of = np.zeros(len(vectors), dtype=np.int64)
    there = 0
    for language in np.unique(languages):
        mine = np.flatnonzero(languages == language)
        of[mine] = there + groups(vectors[mine], likeness, None if before is None else before[mine])
        there = int(of[mine].max()) + 1
    return _by_first_text(of) if len(of) else of


def _stay(cell: np.ndarray, before: np.ndarray, number: int) -> np.ndarray:
    """[C, T] whole numbers: beside the sums of vectors, what adds STAY to the cosine of two texts of one topic.

    T are the topics of two cells and more: what a topic adds to its one cell alone brings no two closer.
    """
    from scipy import sparse

    known = (before >= 0) & (cell >= 0)
    shape = (number, int(before.max(initial=-1)) + 1)
    texts = sparse.csc_matrix((np.ones(np.count_nonzero(known)), (cell[known], before[known])), shape=shape)
    texts.sum_duplicates()
    held_apart = texts[:, np.diff(texts.indptr) > 1]
    return np.asarray(held_apart.toarray() * np.rint(exact.STEPS * STAY**0.5))


def _by_first_text(of: np.ndarray) -> np.ndarray:
    """Groups numbered by their first texts."""
    _, first, place = np.unique(of, return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return np.asarray(number[place])


def merged(sums: np.ndarray, sizes: np.ndarray, likeness: float) -> np.ndarray:
    """[C] int64 of each cell the first one of its group.

    Args:
        sums: [C, h] float64 whole numbers, of the vectors of each cell.
        sizes: [C] how many.
        likeness: see `groups`.
    """
    sums, sizes = sums.copy(), sizes.astype(np.float64)
    of = np.arange(len(sizes))
    near = sums @ sums.T / np.outer(sizes, sizes) / exact.STEPS**2
    np.fill_diagonal(near, -np.inf)
    best = near.argmax(axis=1)
    most = near[of, best]
    while len(of) > 1 and most.max() >= likeness:
        first, second = sorted((int(most.argmax()), int(best[most.argmax()])))
        sums[first] += sums[second]
        sizes[first] += sizes[second]
        of[of == second] = first
        row = sums @ sums[first] / (sizes * sizes[first]) / exact.STEPS**2
        row[of != np.arange(len(of))] = -np.inf
        row[first] = -np.inf
        near[first], near[:, first], near[second], near[:, second], most[second] = row, row, -np.inf, -np.inf, -np.inf
        again = np.flatnonzero((best == first) | (best == second) | (row > most))
        again = again[of[again] == again]
        best[again] = near[again].argmax(axis=1)
        most[again] = near[again, best[again]]
    return of
