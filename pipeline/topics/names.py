"""Topics keep their names: tonight's groups of texts are those of an earlier night with which they share most texts.

Which group goes on as which is the assignment that shares most texts in all (Kuhn, "The Hungarian method for the
assignment problem", 1955). A group that shares too few founds a topic, named by a hash of its first text.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from pipeline.ground import artifacts

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

SAME = 1 / 3
"""Of the texts that are there on both nights and in one of the two, so many are to be in both."""
LENGTH = 16


def names(of: np.ndarray, keys: np.ndarray, before: Mapping[str, str]) -> list[str]:
    """The name of each group.

    Args:
        of: [N] int64 the group of each text, from 0 without gaps; -1: none.
        keys: [N] hashes of the texts, in the order in which nights first knew them.
        before: of an earlier night, the topic of each text.
    """
    number = int(of.max(initial=-1)) + 1
    kept = _going_on(of, keys, before, number)
    taken = {*before.values()}
    found = []
    for group, name in enumerate(kept):
        found.append(name or _founded(keys[of == group], taken))
        taken.add(found[-1])
    return found


def places(keys: np.ndarray, before: Mapping[str, str]) -> np.ndarray:
    """[N] int64 the topic of each text the night before, in the order of their names; -1: none."""
    number = {name: place for place, name in enumerate(sorted({*before.values()}))}
    return np.array([number.get(before.get(key, ""), -1) for key in keys.tolist()], dtype=np.int64)


def _going_on(of: np.ndarray, keys: np.ndarray, before: Mapping[str, str], number: int) -> list[str | None]:
    """Of each group the topic that it goes on with; None: it is new."""
    from scipy import sparse

    known = [before.get(key) for key in keys.tolist()]
    there = np.array([one is not None for one in known], dtype=bool) & (of >= 0)
    topics, of_topic = np.unique(np.array([known[n] for n in np.flatnonzero(there)], dtype=str), return_inverse=True)
    shared = sparse.csr_matrix((np.ones(len(of_topic)), (of[there], of_topic)), shape=(number, len(topics)))
    shared.sum_duplicates()
    in_group, in_topic = (np.asarray(shared.sum(axis=axis)).ravel() for axis in (1, 0))
    found: list[str | None] = [None] * number
    if not shared.nnz:
        return found
    for group, topic, texts in _assigned(shared):
        if texts >= SAME * (in_group[group] + in_topic[topic] - texts):
            found[group] = str(topics[topic])
    return found


def _assigned(shared: "csr_matrix") -> Iterator[tuple[int, int, float]]:
    """Which groups go with which topics so that they share most texts in all, and how many each pair shares.

    Groups and topics that no chain of shared texts connects are assigned by themselves: of topics of a text or two,
    which are many, all pairs would be more than memory has.
    """
    from scipy import sparse
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse.csgraph import connected_components

    number = shared.shape[0]
    _, part = connected_components(sparse.block_array([[None, shared], [shared.T, None]]), directed=False)
    order = np.argsort(part, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
        groups, topics = members[members < number], members[members >= number] - number
        if len(groups) == 1 and len(topics):
            its = slice(*shared.indptr[groups[0] : groups[0] + 2])
            most = int(shared.data[its].argmax())
            yield int(groups[0]), int(shared.indices[its][most]), float(shared.data[its][most])
        elif len(topics):
            texts = shared[groups][:, topics].toarray()
            for row, column in zip(*linear_sum_assignment(texts, maximize=True), strict=True):
                if texts[row, column]:
                    yield int(groups[row]), int(topics[column]), float(texts[row, column])


def _founded(keys: np.ndarray, taken: set[str]) -> str:
    """A name of a group that is new, of its first text that names no other topic."""
    of_texts = (artifacts.text_sha256("topic", str(key)) for key in keys)
    more = (artifacts.text_sha256("topic", str(keys[0]), number) for number in itertools.count())
    return next(name[:LENGTH] for name in itertools.chain(of_texts, more) if name[:LENGTH] not in taken)
