"""Topics keep their names: tonight's groups of texts are those of an earlier night with which they share most texts.

Which group goes on as which is the assignment that shares most texts in all (Kuhn, "The Hungarian method for the
assignment problem", 1955). A group that shares too few founds a topic, named by a hash of its first text.
"""

import itertools
from collections.abc import Mapping

import numpy as np

from pipeline.ground import artifacts

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
    from scipy.optimize import linear_sum_assignment

    known = [before.get(key) for key in keys.tolist()]
    there = np.array([one is not None for one in known], dtype=bool) & (of >= 0)
    topics, of_topic = np.unique(np.array([known[n] for n in np.flatnonzero(there)], dtype=str), return_inverse=True)
    shared = np.zeros((number, len(topics)))
    np.add.at(shared, (of[there], of_topic), 1)
    either = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0, keepdims=True) - shared
    found: list[str | None] = [None] * number
    for group, topic in zip(*linear_sum_assignment(shared, maximize=True), strict=True):
        if shared[group, topic] >= max(SAME * either[group, topic], 1):
            found[group] = str(topics[topic])
    return found


def _founded(keys: np.ndarray, taken: set[str]) -> str:
    """A name of a group that is new, of its first text that names no other topic."""
    of_texts = (artifacts.text_sha256("topic", str(key)) for key in keys)
    more = (artifacts.text_sha256("topic", str(keys[0]), number) for number in itertools.count())
    return next(name[:LENGTH] for name in itertools.chain(of_texts, more) if name[:LENGTH] not in taken)
